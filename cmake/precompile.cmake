# What nearly every file of the tree includes, compiled once for all targets.

file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
add_library(precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_link_libraries(precompiled PRIVATE fmt::fmt GTest::gmock)
target_precompile_headers(precompiled PRIVATE
  <algorithm> <array> <chrono> <cstdint> <deque> <filesystem> <functional> <map> <memory> <optional> <set> <string>
  <string_view> <unordered_map> <vector> <fmt/format.h> <gmock/gmock.h> <gtest/gtest.h>)

function(precompile directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "STATIC_LIBRARY|EXECUTABLE" AND NOT target MATCHES "^bare_")
      target_precompile_headers(${target} REUSE_FROM precompiled)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    precompile(${folder})
  endforeach()
endfunction()
precompile(${PROJECT_SOURCE_DIR})

// kafka_program: how the harness runs Kafka's Java programs. Failures abort with the program's own words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace::e2e {

[[noreturn]] void give_up_kafka(const std::string& what);

// The jars that tests/kafka/fetch.sh brought, at the first use on a machine.
std::string kafka_class_path();

std::vector<std::string> java_command(const std::string& class_path, const std::string& main_class, int heap_mib = 512);

// A port of 127.0.0.1 that nobody listens on, another one each time, below those that outgoing connections get: a
// client that tries a dead broker again and again would else, some day, get its port, and be connected to itself.
std::uint16_t free_port();

// kafka-storage format, for the properties in `folder`/server.properties.
void format_storage(const std::string& class_path, const std::string& folder);

}  // namespace tailrace::e2e

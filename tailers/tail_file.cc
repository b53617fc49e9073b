#include "tailers/tail_file.h"

namespace tailrace {

std::string_view name_of(FileState state) {
  switch (state) {
    case FileState::discovered:
      return "discovered";
    case FileState::idle:
      return "idle";
    case FileState::reading:
      return "reading";
    case FileState::draining:
      return "draining";
    case FileState::finished:
      return "finished";
    case FileState::parked:
      return "parked";
  }
  return "";
}

FileState TailFile::state() const {
  if (is_parked) return FileState::parked;
  if (is_gone()) return is_done() ? FileState::finished : FileState::draining;
  if (unread() == 0 && books.is_settled()) return FileState::idle;
  return fd || books.read() > 0 ? FileState::reading : FileState::discovered;
}

std::string TailFile::reason() const {
  if (!trouble.empty()) return trouble;
  switch (turn) {
    case Turn::wants_lane:
      return "waits for the sink to know its topic";
    case Turn::wants_room:
      return "waits for acknowledgements of its partition";
    case Turn::wants_acks:
      return "a quarter of the sink's memory is unacknowledged";
    case Turn::wants_memory:
      return "the sink's memory is in use";
    case Turn::wants_file:
      return "waits for a free file descriptor";
    case Turn::wants_other:
      return "waits for the file before it under its path";
    case Turn::wants_retry:
      return "waits to be tried again";
    case Turn::wants_end:
      return "the end of its zeros is being looked for";
    case Turn::none:
      return unread() > 0 ? "its last line has no end yet" : "";
    case Turn::queued:
    case Turn::in_flight:
      return "";
  }
  return "";
}

}  // namespace tailrace

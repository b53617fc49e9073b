#include "tests/e2e/harness/kafka_call.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <optional>

#include "tests/e2e/harness/kafka_wire.h"
#include "tests/e2e/harness/loopback.h"

namespace tailrace::e2e {
namespace {

constexpr std::int16_t kAlterPartitionReassignments = 45;
constexpr std::int16_t kElectLeaders = 43;
constexpr int kTimeoutMs = 10'000;

// All of it, within a time: the socket does not block.
bool move_bytes(int fd, char* bytes, std::size_t length, bool is_sent) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (length > 0) {
    if (std::chrono::steady_clock::now() > end) return false;
    pollfd waited{fd, static_cast<short>(is_sent ? POLLOUT : POLLIN), 0};
    ::poll(&waited, 1, 100);
    const ssize_t done = is_sent ? ::send(fd, bytes, length, MSG_NOSIGNAL) : ::recv(fd, bytes, length, 0);
    if (done == 0 || (done < 0 && errno != EAGAIN && errno != ENOTCONN)) return false;
    if (done < 0) continue;
    bytes += done;
    length -= static_cast<std::size_t>(done);
  }
  return true;
}

// The answer behind its correlation id.
std::optional<std::string> call(std::uint16_t port, std::string request) {
  const int fd = connect_to_loopback(port);
  if (fd < 0) return std::nullopt;
  std::string frame = WireWriter().int32(static_cast<std::int32_t>(request.size())).take() + request;
  std::string length(4, '\0');
  std::string answer;
  bool is_whole = move_bytes(fd, frame.data(), frame.size(), true) && move_bytes(fd, length.data(), 4, false);
  if (is_whole) {
    answer.resize(static_cast<std::size_t>(WireReader(length).int32()));
    is_whole = move_bytes(fd, answer.data(), answer.size(), false);
  }
  ::close(fd);
  if (!is_whole || answer.size() < 4) return std::nullopt;
  return answer.substr(4);
}

WireWriter request(std::int16_t key) {
  WireWriter out;
  out.int16(key).int16(0).int32(1).string("tailrace-e2e");
  return out;
}

}  // namespace

bool move_leader(std::uint16_t broker_port, const std::string& topic, std::int32_t partition,
                 const std::vector<std::int32_t>& replicas) {
  WireWriter order = request(kAlterPartitionReassignments);
  order.no_tags().int32(kTimeoutMs);
  order.varint(2).compact_string(topic).varint(2).int32(partition);
  order.varint(replicas.size() + 1);
  for (const std::int32_t replica : replicas) order.int32(replica);
  order.no_tags().no_tags().no_tags();
  const auto ordered = call(broker_port, order.take());
  if (!ordered) return false;
  WireReader in(*ordered);
  in.skip_tags();
  in.int32();  // throttled
  if (in.int16() != 0) return false;

  WireWriter election = request(kElectLeaders);
  election.int32(1).string(topic).int32(1).int32(partition).int32(kTimeoutMs);
  return call(broker_port, election.take()).has_value();
}

}  // namespace tailrace::e2e

// kafka_call: requests to a real broker that the librdkafka here has no call for. Failures are values: brokers come and
// go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace::e2e {

// Gives a partition's replicas this order, the first being the one that should lead (AlterPartitionReassignments), and
// lets it lead (ElectLeaders). False when the broker does not take it, as while it has no controller.
bool move_leader(std::uint16_t broker_port, const std::string& topic, std::int32_t partition,
                 const std::vector<std::int32_t>& replicas);

}  // namespace tailrace::e2e

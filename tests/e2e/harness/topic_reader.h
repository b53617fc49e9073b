// topic_reader: every record of a topic, partition by partition, up to the ends that it has (read_committed).
//
// Batches of thousands of records; more than a million lines a second here. Failures abort with librdkafka's words.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tailrace::e2e {

// The view is valid during the call only.
using OnRecord = std::function<void(std::int32_t partition, std::string_view value)>;

// Partitions one after the other, each in offset order. Returns the number of records.
std::uint64_t read_topic(const std::string& bootstrap, const std::string& topic, int partitions,
                         const OnRecord& on_record);

}  // namespace tailrace::e2e

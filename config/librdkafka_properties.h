// LibrdkafkaProperties: what [sinks.NAME.librdkafka] may hold. librdkafka itself judges names and values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys.h"

namespace tailrace {

struct RefusedProperty {
  std::string set_by;  // the key that sets it ("brokers"); "" when no key does, tailrace always sets it alike
};

// A property that tailrace sets itself, whatever the config; nullopt: it may be given.
std::optional<RefusedProperty> set_by_tailrace(std::string_view property);
// A property that makes librdkafka load code that the config names; some do so as soon as they are set. Refused always.
bool loads_code(std::string_view property);
// The key of the tls and sasl tables that sets `property` too ("tls.ca"); "" when none does.
std::string_view security_key_of(std::string_view property);

struct PropertyFault {
  bool is_unknown = false;
  Fault fault;
};

// Sets `value` on a configuration that is thrown away. `show_value` is false for secrets: librdkafka's text names
// values.
std::optional<PropertyFault> check_property(const std::string& name, const std::string& value, bool show_value);

// Whether this librdkafka was built with `feature` ("ssl", "sasl_scram", "zstd"): its builtin.features.
bool librdkafka_has(std::string_view feature);

}  // namespace tailrace

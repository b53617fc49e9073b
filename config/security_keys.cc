// The keys of [sinks.NAME.tls] and [sinks.NAME.sasl]. They become librdkafka properties.
#include <array>

#include "config/keys.h"

namespace tailrace {
namespace {

std::optional<Fault> check_given(std::string_view text) {
  if (!text.empty()) return std::nullopt;
  return Fault{"is empty", "give it a value, or remove it"};
}

void add_property(const Target& to, std::string name, std::string value) {
  to.sink->librdkafka.emplace_back(std::move(name), std::move(value));
}

// A certificate or key may be given as its PEM text, which ${file:} and environment variables can hold.
void add_pem_or_path(const Target& to, std::string_view text, const char* pem_name, const char* path_name) {
  add_property(to, text.starts_with("-----BEGIN") ? pem_name : path_name, std::string(text));
}

const std::array kKeys = {
    KeySpec{
        .table = KeyTable::tls,
        .name = "ca",
        .type = KeyType::text,
        .sentence = "File or directory of the certificates to trust, or their PEM text. The default is the "
                    "system's.",
        .check = check_given,
        .set = [](const Target& to, const Value& v) { add_pem_or_path(to, v.text, "ssl.ca.pem", "ssl.ca.location"); }},
    KeySpec{
        .table = KeyTable::tls,
        .name = "cert",
        .type = KeyType::text,
        .sentence = "File of the client's certificate, or its PEM text.",
        .check = check_given,
        .set = [](const Target& to,
                  const Value& v) { add_pem_or_path(to, v.text, "ssl.certificate.pem", "ssl.certificate.location"); }},
    KeySpec{.table = KeyTable::tls,
            .name = "key",
            .type = KeyType::text,
            .sentence = "File of the client's private key, or its PEM text.",
            .check = check_given,
            .set = [](const Target& to,
                      const Value& v) { add_pem_or_path(to, v.text, "ssl.key.pem", "ssl.key.location"); }},
    KeySpec{.table = KeyTable::tls,
            .name = "key_password",
            .type = KeyType::text,
            .sentence = "The private key's password.",
            .check = check_given,
            .set = [](const Target& to, const Value& v) { add_property(to, "ssl.key.password", v.text); }},
    KeySpec{.table = KeyTable::tls,
            .name = "verify",
            .type = KeyType::boolean,
            .fallback = "true",
            .sentence = "Whether the broker's certificate and name are checked.",
            .set =
                [](const Target& to, const Value& v) {
                  // true is librdkafka's own default.
                  if (!v.boolean) add_property(to, "enable.ssl.certificate.verification", "false");
                }},
    KeySpec{.table = KeyTable::sasl,
            .name = "mechanism",
            .type = KeyType::choice,
            .choices = "PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER GSSAPI",
            .required = true,
            .sentence = "The SASL mechanism.",
            .set = [](const Target& to, const Value& v) { add_property(to, "sasl.mechanism", v.text); }},
    KeySpec{.table = KeyTable::sasl,
            .name = "username",
            .type = KeyType::text,
            .sentence = "For PLAIN and SCRAM.",
            .check = check_given,
            .set = [](const Target& to, const Value& v) { add_property(to, "sasl.username", v.text); }},
    KeySpec{.table = KeyTable::sasl,
            .name = "password",
            .type = KeyType::text,
            .sentence = "For PLAIN and SCRAM. ${file:PATH} keeps it out of the config.",
            .check = check_given,
            .set = [](const Target& to, const Value& v) { add_property(to, "sasl.password", v.text); }},
};

}  // namespace

std::span<const KeySpec> security_keys() { return kKeys; }

}  // namespace tailrace

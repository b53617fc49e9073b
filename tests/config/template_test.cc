#include "config/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tailrace {
namespace {

std::string expand(const std::string& text, const TemplateInputs& inputs) {
  const Result<Template> parsed = Template::parse(text);
  return parsed ? parsed->expand(inputs) : "error: " + parsed.error().text();
}

TEST(Template, EachVariableIsReplaced) {
  const std::map<std::string, std::string> labels = {{"service", "checkout"}};
  const TemplateInputs inputs{"app", "host-1", "/var/log/app/a.log", &labels};
  EXPECT_EQ(expand("logs-{tailer}-{label.service}-{file.name}", inputs), "logs-app-checkout-a.log");
  EXPECT_EQ(expand("{host}{file.path}", inputs), "host-1/var/log/app/a.log");
  EXPECT_EQ(expand("plain", inputs), "plain");
  EXPECT_EQ(expand("a{{b}}c", inputs), "a{b}c");
  EXPECT_EQ(expand("[{label.other}]", inputs), "[]");
}

TEST(Template, KubernetesNamesComeFromThePath) {
  const std::string text = "{k8s.namespace}/{k8s.pod}/{k8s.container}";
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/pods/shop_cart-5d_0a1b-2c/web/0.log", nullptr}), "shop/cart-5d/web");
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/pods/shop_cart-5d_0a1b-2c/containers/0.log", nullptr}),
            "shop/cart-5d/containers");
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/containers/cart-5d_shop_web-app-0123abcd.log", nullptr}),
            "shop/cart-5d/web-app");
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/syslog", nullptr}), "//");
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/pods/x/y", nullptr}), "//");
  EXPECT_EQ(expand(text, {"t", "h", "/var/log/containers/x", nullptr}), "//");
}

TEST(Template, WhatCannotBeParsedIsAnErrorThatSaysWhy) {
  EXPECT_THAT(expand("a{tailer", {}), testing::HasSubstr("{ without its }"));
  EXPECT_THAT(expand("a{tail{er}", {}), testing::HasSubstr("{ without its }"));
  EXPECT_THAT(expand("a}", {}), testing::HasSubstr("} without its {"));
  EXPECT_THAT(expand("{tailor}", {}), testing::HasSubstr("unknown variable {tailor} (the nearest is {tailer})"));
  EXPECT_THAT(expand("{}", {}), testing::HasSubstr("unknown variable {}"));
  EXPECT_THAT(expand("{label.}", {}), testing::HasSubstr("unknown variable {label.}"));
}

TEST(Template, SaysWhatItUses) {
  EXPECT_TRUE(Template::parse("logs")->is_constant());
  EXPECT_FALSE(Template::parse("logs-{host}")->is_constant());
  EXPECT_THAT(Template::parse("{label.a}{host}{label.b}")->labels(), testing::ElementsAre("a", "b"));
  EXPECT_TRUE(Template::parse("{file.path}")->uses_path_itself());
  EXPECT_FALSE(Template::parse("{file.name}")->uses_path_itself());
}

TEST(TopicName, WhatKafkaForbidsBecomesUnderscores) {
  EXPECT_EQ(topic_name("logs-a.b_C9"), "logs-a.b_C9");
  EXPECT_EQ(topic_name("a/b c:d"), "a_b_c_d");
  EXPECT_EQ(topic_name("\xc3\xbc"), "__");
  EXPECT_EQ(topic_name(""), "_");
  EXPECT_EQ(topic_name("."), "_");
  EXPECT_EQ(topic_name(".."), "__");
  EXPECT_EQ(topic_name("..."), "...");
}

TEST(TopicName, IsAtMost249Bytes) {
  EXPECT_EQ(topic_name(std::string(249, 'a')).size(), 249u);
  EXPECT_EQ(topic_name(std::string(500, 'a')), std::string(249, 'a'));
}

}  // namespace
}  // namespace tailrace

#include "sluice/base/ip_address.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(IpAddress, IsReadAndWritten) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::", "::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
  EXPECT_TRUE(IpAddress::parse("192.0.2.1")->is_v4());
  EXPECT_FALSE(IpAddress::parse("::192.0.2.1")->is_v4());
  for (const std::string text :
       {"", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "256.0.0.1", "fe80::1%eth0", "[::1]", "1.2.3.4 ", ":::"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string("1.2.3.4\0x", 9)));
}

TEST(IpRange, ContainsWhatBeginsWithItsBits) {
  const auto contains = [](std::string_view range, std::string_view address) {
    return IpRange::parse(range)->contains(*IpAddress::parse(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("172.16.0.0/12", "172.31.0.1"));
  EXPECT_FALSE(contains("172.16.0.0/12", "172.32.0.1"));
  EXPECT_TRUE(contains("10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(contains("10.0.0.1", "10.0.0.2"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1")) << "all of version 4 only";
  EXPECT_TRUE(contains("::/0", "1.2.3.4"));
  EXPECT_TRUE(contains("fe80::/10", "febf::1"));
  EXPECT_FALSE(contains("fe80::/10", "fec0::1"));
}

TEST(IpAddress, LeadsToAnother) {
  const auto reached = [](std::string_view text) { return reached_by(*IpAddress::parse(text)).text(); };
  EXPECT_EQ(reached("64:ff9b::7f00:1"), "127.0.0.1");
  EXPECT_EQ(reached("64:ff9b:1::a00:1"), "10.0.0.1");
  EXPECT_EQ(reached("2002:a9fe:a9fe::1"), "169.254.169.254");
  EXPECT_EQ(reached("::10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(reached("::1"), "::1");
  EXPECT_EQ(reached("2606:2800::1"), "2606:2800::1");
}

}  // namespace
}  // namespace sluice

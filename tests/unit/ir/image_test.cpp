#include <gtest/gtest.h>

#include "sluice/ir/image_reference.hpp"
#include "sluice/ir/secret.hpp"

namespace sluice::ir {
namespace {

constexpr auto digest = "sha256:856412a387165033a4d881d2fc147c2c7facbf6b4effdc67500b3ca56c527791";

TEST(ImageReference, HasANamePerhapsATagAndADigest) {
  for (const auto* good :
       {"busybox", "busybox:1.36", "docker.io/library/busybox:1.36", "localhost/a-b_c.d__e/f:Tag_1.-x",
        "localhost:5000/box", "127.0.0.1:9/nobody/box:1", "[::1]:5000/box", "Registry.Example.COM/box",
        "a--b/c", "docker:dind", "0/1:2"}) {
    EXPECT_EQ(image_problem(good), std::nullopt) << good;
    EXPECT_EQ(image_problem(std::string(good) + "@" + digest), std::nullopt) << good;
  }
  EXPECT_EQ(image_problem("a:" + std::string(128, 'x')), std::nullopt);
}

TEST(ImageReference, IsNeverAnOptionAPathOrAUrl) {
  for (const auto* bad : {"",
                          " ",
                          "-",
                          "--privileged",
                          "-v=/:/host",
                          "a b",
                          "a\n",
                          "/box",
                          "./box",
                          "../box",
                          "box/",
                          "a//b",
                          "box:",
                          "box:a/b",
                          "box@",
                          "box@sha256:12",
                          "Box",
                          "a/B",
                          "a_-b",
                          "a..b",
                          "a___b",
                          "_a",
                          "a.",
                          "docker://box",
                          "http://a/b",
                          "a:b:c",
                          "docker-archive:box",
                          "dir:box",
                          "oci:box",
                          "host:port/box",
                          "a-/b/c:d:e",
                          "box@sha256:@",
                          "é",
                          "a,b",
                          "$(id)",
                          "[::1/box"})
    EXPECT_NE(image_problem(bad), std::nullopt) << bad;
  EXPECT_NE(image_problem("a:" + std::string(129, 'x')), std::nullopt);
  EXPECT_NE(image_problem(std::string(256, 'x')), std::nullopt);
  EXPECT_NE(image_problem(std::string("box\0x", 5)), std::nullopt);
}

TEST(ImageReference, HasAName) {
  EXPECT_EQ(image_name("localhost:5000/a/b:1"), "localhost:5000/a/b");
  EXPECT_EQ(image_name("busybox"), "busybox");
  EXPECT_EQ(image_name(std::string("busybox:1@") + digest), "busybox");
}

TEST(SecretsOfContainers, AreNotSettingsOfTheEngine) {
  for (const auto* good : {"TOKEN", "_x", "DOCKER_TOKEN", "GOOGLE_KEY", "a1"})
    EXPECT_TRUE(may_be_secret_of_container(good)) << good;
  for (const auto* bad : {"", "PATH", "HOME", "LD_PRELOAD", "CONTAINERS_CONF", "DOCKER_HOST", "https_proxy",
                          "A*", "1a", "A B", "A-B"})
    EXPECT_FALSE(may_be_secret_of_container(bad)) << bad;
}

}  // namespace
}  // namespace sluice::ir

// AVIF: files that libavif writes here, and those of data/heif, which data/make_heif.py writes.
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "result_assertions.hpp"

namespace sluice::host::media {
namespace {

std::string file(const std::string& name) { return test::content("tests/unit/host/data/heif/" + name); }

std::string message_of(std::string_view bytes) { return test::message_of(decode_picture(bytes)); }

TEST(Avif, LosslessPixels) {
  const auto picture = test::quarters(40, 24);
  for (const int depth : {8, 10, 12}) {
    const auto read = decode_picture(test::to_avif(picture, {.depth = depth}));
    ASSERT_OK(read);
    EXPECT_EQ(read->rgba, picture.rgba) << depth;
  }
  const auto drawn = test::drawn(40, 24);
  const auto read = decode_picture(test::to_avif(drawn, {.alpha = true}));
  ASSERT_OK(read);
  EXPECT_EQ(read->rgba, drawn.rgba);
}

TEST(Avif, OfAnAnimationTheFirstFrame) {
  const auto picture = test::quarters(40, 24);
  const auto read = decode_picture(test::to_avif_animated({picture, test::drawn(40, 24)}));
  ASSERT_OK(read);
  EXPECT_EQ(read->rgba, picture.rgba);
}

TEST(Avif, WhatLiesOutsideTheCleanApertureIsRemoved) {
  const auto picture = test::quarters(40, 24);
  const auto read = decode_picture(test::to_avif(picture, {.left = 20, .top = 12}));
  ASSERT_OK(read);
  EXPECT_EQ(read->width, 20);
  EXPECT_EQ(read->height, 12);
  for (const auto byte : read->rgba) ASSERT_EQ(byte, 255);  // the white quarter
}

TEST(Avif, WithoutItsLastBytesItIsRefused) {
  const auto bytes = test::to_avif(test::quarters(40, 24));
  for (std::size_t size = 32; size < bytes.size(); ++size)
    EXPECT_THAT(message_of(bytes.substr(0, size)),
                testing::StartsWith("cannot read picture: corrupt or truncated AVIF ("));
}

/// The file with another size in its container.
std::string resized(std::string bytes, std::uint32_t width, std::uint32_t height) {
  const auto at = bytes.find("ispe");
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + 8 + i] = static_cast<char>(width >> (24 - 8 * i));
    bytes[at + 12 + i] = static_cast<char>(height >> (24 - 8 * i));
  }
  return bytes;
}

TEST(Avif, SizeIsLimitedBeforeAnythingIsDecoded) {
  const auto bytes = test::to_avif(test::quarters(40, 24));
  EXPECT_EQ(message_of(resized(bytes, 10'000, 9'000)),
            "cannot read picture: 10000 x 9000 is over the limit of 50 megapixels; make it smaller");
  EXPECT_THAT(message_of(resized(bytes, 7'000, 7'000)), testing::HasSubstr("decoding it needs over 256 MiB"));
  // Nor may the pictures inside be larger than the container says.
  EXPECT_THAT(message_of(resized(bytes, 8, 8)), testing::StartsWith("cannot read picture: "));
}

TEST(Avif, EveryChangedByteIsAnErrorOrAPicture) {
  const auto bytes = file("orientation6.avif");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto broken = bytes;
    broken[at] = static_cast<char>(~broken[at]);
    std::ignore = decode_picture(broken);
  }
}

}  // namespace
}  // namespace sluice::host::media

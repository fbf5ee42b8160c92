// HEIC, by the libheif of this machine: the files of data/heif, which data/make_heif.py writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "result_assertions.hpp"
#include "sluice/host/media/libheif.hpp"

namespace sluice::host::media {
namespace {

std::string file(const std::string& name) { return test::content("tests/unit/host/data/heif/" + name); }

std::string message_of(std::string_view bytes) { return test::message_of(decode_picture(bytes)); }

TEST(Heic, Alpha) {
  for (const auto* name : {"alpha.heic", "alpha.avif"}) {
    const auto read = decode_picture(file(name));
    ASSERT_OK(read) << name;
    EXPECT_NEAR(read->rgba[3], 77, 2) << name;
    EXPECT_NEAR(read->rgba[0], 255, 6) << name;
  }
}

TEST(Heic, TenBitsPerChannel) {
  const auto read = decode_picture(file("ten-bits.heic"));
  ASSERT_OK(read);
  const auto upright = test::quarters(64, 48);
  ASSERT_EQ(read->rgba.size(), upright.rgba.size());
  for (const std::size_t at :
       {4U * (10 * 64 + 10), 4U * (10 * 64 + 50), 4U * (40 * 64 + 10), 4U * (40 * 64 + 50)})
    for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(read->rgba[at + c], upright.rgba[at + c], 6);
}

TEST(Heic, ADamagedFileIsRefused) {
  const auto bytes = file("orientation1.heic");
  for (const std::size_t size : {40UL, 200UL, bytes.size() / 2, bytes.size() - 1})
    EXPECT_THAT(message_of(bytes.substr(0, size)),
                testing::StartsWith("cannot read picture: corrupt or truncated HEIC ("))
        << size;
}

TEST(Heic, SizeIsLimitedBeforeAnythingIsDecoded) {
  auto bytes = file("orientation1.heic");
  // Every size that the container gives: 10,000 x 9,000.
  for (auto at = bytes.find("ispe"); at != std::string::npos; at = bytes.find("ispe", at + 1)) {
    bytes.replace(at + 8, 4, std::string("\0\0\x27\x10", 4));
    bytes.replace(at + 12, 4, std::string("\0\0\x23\x28", 4));
  }
  const auto aperture = bytes.find("clap");
  ASSERT_NE(aperture, std::string::npos);
  bytes.replace(aperture, 4, "free");
  EXPECT_EQ(message_of(bytes),
            "cannot read picture: 10000 x 9000 is over the limit of 50 megapixels; make it smaller");
}

TEST(Heic, WithoutItsLibraryTheMessageSaysHowToInstallIt) {
  EXPECT_EQ(
      test::message_of(load_libheif("libheif.so.0")),
      "cannot read picture: HEIC needs libheif, which cannot be used on this machine (libheif.so.0: cannot "
      "open "
      "shared object file: No such file or directory); install it (`apt install libheif1`), or save the "
      "picture as JPEG");
  EXPECT_THAT(test::message_of(load_libheif("libjpeg.so.62")),
              testing::HasSubstr("it has no function heif_context_alloc"));
}

}  // namespace
}  // namespace sluice::host::media

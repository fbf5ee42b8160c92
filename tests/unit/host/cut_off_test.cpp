// Files without their last bytes: read if every pixel is in what is there, and refused otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "places.hpp"
#include "result_assertions.hpp"

namespace sluice::host::media {
namespace {

using test::JpegKind;

std::string without(const std::string& bytes, std::size_t last) {
  return bytes.substr(0, bytes.size() - last);
}

/// Cuts off 1, 2, … bytes. All files up to some length are read, with the pixels of the whole one; all
/// shorter ones are refused. Returns how many bytes could be cut off.
std::size_t spare_bytes(const std::string& bytes) {
  const auto whole = decode_picture(bytes);
  EXPECT_OK(whole);
  std::size_t spare = 0;
  bool refused = false;
  for (std::size_t last = 1; last < bytes.size(); ++last) {
    const auto read = decode_picture(without(bytes, last));
    if (!read) {
      refused = true;
      continue;
    }
    EXPECT_FALSE(refused) << "read without the last " << last << " bytes, and not without fewer";
    EXPECT_EQ(read->rgba, whole->rgba) << "without the last " << last << " bytes";
    spare = last;
  }
  return spare;
}

std::string png_message(std::string_view bytes) { return test::message_of(decode_picture(bytes)); }

TEST(CutOff, TheCase) {
  const auto cut = decode_picture(test::content("tests/unit/host/data/cases/no-end-marker.jpg"));
  ASSERT_OK(cut);
  EXPECT_EQ(cut->rgba, decode_picture(test::content("tests/unit/host/data/cases/upright.jpg"))->rgba);
}

TEST(CutOff, Jpeg) {
  const auto picture = test::drawn(30, 20);
  for (const auto kind :
       {JpegKind::rgb, JpegKind::gray, JpegKind::cmyk, JpegKind::progressive, JpegKind::separate_scans}) {
    const auto bytes = test::to_jpeg(picture, kind);
    EXPECT_GE(spare_bytes(bytes), 2U) << static_cast<int>(kind);  // the end marker
    EXPECT_LE(spare_bytes(bytes), 3U) << static_cast<int>(kind);  // and bits that fill the last byte
  }
  // Where its bits end cannot be known of an arithmetic code.
  EXPECT_EQ(spare_bytes(test::to_jpeg(picture, JpegKind::arithmetic)), 0U);
}

TEST(CutOff, Png) {
  const auto bytes = test::to_png(test::drawn(50, 35));
  // The last chunk, and the checksums of the pixels and of their chunk.
  EXPECT_GE(spare_bytes(bytes), 12U + 4 + 4);
  EXPECT_THAT(png_message(bytes.substr(0, bytes.size() / 2)),
              testing::StartsWith("cannot read picture: corrupt or truncated PNG ("));
  EXPECT_GE(spare_bytes(test::to_png_16(test::drawn(20, 20))), 12U + 4 + 4);
}

TEST(CutOff, PngThatIsCorruptIsNotRepaired) {
  auto bytes = test::to_png(test::drawn(50, 35));
  bytes[bytes.size() - 40] = static_cast<char>(~bytes[bytes.size() - 40]);
  EXPECT_THAT(png_message(bytes), testing::StartsWith("cannot read picture: corrupt or truncated PNG ("));
  EXPECT_THAT(png_message(without(bytes, 12)),
              testing::StartsWith("cannot read picture: corrupt or truncated PNG ("));
}

TEST(CutOff, Gif) {
  for (const bool interlaced : {false, true}) {
    const auto bytes = test::to_gif(test::drawn(50, 35), interlaced);
    EXPECT_GE(spare_bytes(bytes), 2U);  // the trailer, and the empty block
  }
}

TEST(CutOff, Webp) {
  auto picture = test::drawn(30, 20);
  spare_bytes(test::to_webp(picture));
  spare_bytes(test::to_webp_lossy(picture));
  // With metadata behind the picture, and with another frame.
  EXPECT_GE(spare_bytes(test::to_webp_turned(picture, test::exif(1))), 8U + 26);
  EXPECT_GE(spare_bytes(test::to_webp_animated({picture, test::drawn(30, 20), test::quarters(30, 20)})), 20U);
}

TEST(CutOff, Tiff) {
  // The directory that says where the pixels are is the end of this file.
  EXPECT_EQ(spare_bytes(test::to_tiff(test::drawn(20, 20), 8)), 0U);
  // Here (Pillow wrote it), the pixels are. What follows them is not needed.
  const auto bytes = test::content("tests/unit/host/data/tiff/directory_first.tiff");
  EXPECT_EQ(spare_bytes(bytes), 0U);
  EXPECT_EQ(spare_bytes(bytes + "a remark"), 8U);
}

}  // namespace
}  // namespace sluice::host::media

// Every format and variant, encoded here by the formats' own libraries, then corrupted on purpose.
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "result_assertions.hpp"
#include "sluice/base/picture_format.hpp"
#include "sluice/host/media/picture.hpp"

namespace sluice::host::media {
namespace {

using test::JpegKind;

struct Pixel {
  int red, green, blue, alpha;
};

Pixel pixel(const Picture& picture, int x, int y) {
  const auto* at = &picture.rgba[static_cast<std::size_t>(4 * (y * picture.width + x))];
  return {at[0], at[1], at[2], at[3]};
}

void expect_near(const Pixel& got, const Pixel& wanted, int tolerance = 6) {
  EXPECT_NEAR(got.red, wanted.red, tolerance);
  EXPECT_NEAR(got.green, wanted.green, tolerance);
  EXPECT_NEAR(got.blue, wanted.blue, tolerance);
  EXPECT_EQ(got.alpha, wanted.alpha);
}

constexpr Pixel red{255, 0, 0, 255};
constexpr Pixel green{0, 255, 0, 255};
constexpr Pixel blue{0, 0, 255, 255};
constexpr Pixel white{255, 255, 255, 255};

/// Checks the centers of the four quarters.
void expect_quarters(const Picture& picture, Pixel top_left, Pixel top_right, Pixel low_left,
                     Pixel low_right) {
  expect_near(pixel(picture, picture.width / 4, picture.height / 4), top_left);
  expect_near(pixel(picture, picture.width * 3 / 4, picture.height / 4), top_right);
  expect_near(pixel(picture, picture.width / 4, picture.height * 3 / 4), low_left);
  expect_near(pixel(picture, picture.width * 3 / 4, picture.height * 3 / 4), low_right);
}

std::string message_of(std::string_view bytes) { return test::message_of(decode_picture(bytes)); }

TEST(Decode, LosslessFormatsGiveTheSamePixels) {
  const auto picture = test::drawn(31, 17);
  for (const auto& bytes : {test::to_png(picture), test::to_png_16(picture)}) {
    const auto read = decode_picture(bytes);
    ASSERT_OK(read);
    EXPECT_EQ(read->width, 31);
    EXPECT_EQ(read->height, 17);
    EXPECT_EQ(read->rgba, picture.rgba);
  }
  const auto opaque = test::quarters(32, 16);
  for (const auto& bytes : {test::to_webp(opaque), test::to_tiff(opaque, 8), test::to_tiff(opaque, 16)}) {
    const auto read = decode_picture(bytes);
    ASSERT_OK(read);
    EXPECT_EQ(read->rgba, opaque.rgba);
  }
}

TEST(Decode, WebpKeepsAlpha) {
  auto picture = test::quarters(16, 16);
  for (std::size_t i = 3; i < picture.rgba.size(); i += 4) picture.rgba[i] = 77;
  const auto read = decode_picture(test::to_webp(picture));
  ASSERT_TRUE(read);
  EXPECT_EQ(pixel(*read, 3, 3).alpha, 77);
  EXPECT_EQ(pixel(*read, 3, 3).red, 255);
}

TEST(Decode, GrayBecomesThreeEqualChannels) {
  const auto read = decode_picture(test::to_png_gray(test::drawn(9, 9)));
  ASSERT_TRUE(read);
  const auto at = pixel(*read, 4, 2);
  EXPECT_EQ(at.red, (4 * 37 + 2 * 91) % 256);
  EXPECT_EQ(at.green, at.red);
  EXPECT_EQ(at.blue, at.red);
  EXPECT_EQ(at.alpha, 255);
}

TEST(Decode, JpegOfEveryKind) {
  const auto picture = test::quarters(64, 48);
  for (const auto kind : {JpegKind::rgb, JpegKind::progressive, JpegKind::cmyk}) {
    const auto read = decode_picture(test::to_jpeg(picture, kind));
    ASSERT_OK(read);
    ASSERT_EQ(read->width, 64);
    expect_quarters(*read, red, green, blue, white);
  }
  const auto gray = decode_picture(test::to_jpeg(picture, JpegKind::gray));
  ASSERT_TRUE(gray);
  expect_quarters(*gray, white, {0, 0, 0, 255}, {0, 0, 0, 255}, white);
}

TEST(Decode, GifWithTransparency) {
  auto picture = test::quarters(32, 32);
  for (std::size_t i = 3; i < static_cast<std::size_t>(4 * 32 * 4); i += 4)
    picture.rgba[i] = 0;  // the four top rows
  for (const bool interlaced : {false, true}) {
    const auto read = decode_picture(test::to_gif(picture, interlaced));
    ASSERT_OK(read);
    EXPECT_EQ(pixel(*read, 5, 2).alpha, 0);
    expect_quarters(*read, white, {0, 0, 0, 255}, {0, 0, 0, 255}, white);
  }
}

TEST(Decode, TruncatedFilesAreRefused) {
  const auto picture = test::drawn(64, 48);
  const auto half = [](std::string bytes) { return bytes.substr(0, bytes.size() / 2); };
  EXPECT_THAT(message_of(half(test::to_png(picture))),
              testing::StartsWith("cannot read picture: corrupt or truncated PNG ("));
  EXPECT_EQ(message_of(half(test::to_jpeg(picture))),
            "cannot read picture: corrupt or truncated JPEG (picture data is missing)");
  EXPECT_EQ(message_of(half(test::to_webp(picture))), "cannot read picture: corrupt or truncated WebP");
  EXPECT_THAT(message_of(half(test::to_gif(picture, false))),
              testing::StartsWith("cannot read picture: corrupt or truncated GIF ("));
  EXPECT_THAT(message_of(half(test::to_tiff(picture, 8))),
              testing::StartsWith("cannot read picture: cannot decode TIFF ("));
}

TEST(Decode, EveryPrefixIsAnErrorOrAPicture) {
  const auto picture = test::drawn(20, 20);
  for (const auto& bytes :
       {test::to_png(picture), test::to_jpeg(picture), test::to_jpeg(picture, JpegKind::progressive, 6),
        test::to_webp(picture), test::to_webp_animated({picture, test::quarters(20, 20)}),
        test::to_gif(picture, true), test::to_tiff(picture, 8)}) {
    for (std::size_t size = 0; size < bytes.size(); size += 7)
      std::ignore = decode_picture(std::string_view(bytes).substr(0, size));
    // One inverted byte at a time.
    for (std::size_t at = 0; at < bytes.size(); at += 5) {
      auto broken = bytes;
      broken[at] = static_cast<char>(~broken[at]);
      std::ignore = decode_picture(broken);
    }
  }
}

TEST(Decode, UnsupportedFormatsAreNamed) {
  EXPECT_EQ(message_of(""), "cannot read picture: it is empty");
  EXPECT_EQ(message_of("hello, I am a text"),
            "cannot read picture: it is not PNG, JPEG, WebP, GIF, TIFF, BMP, AVIF or HEIC");
  using namespace std::string_view_literals;
  for (const auto& [bytes, name] : {std::pair{"<svg xmlns="sv, "SVG or XML"},
                                    {"<?xml version="sv, "SVG or XML"},
                                    {"%PDF-1.7"sv, "PDF"},
                                    {"\0\0\0\x18"
                                     "ftypisom\0\0\0\0mp42avc1"sv,
                                     "a video"},
                                    {"8BPS\0\1"sv, "PSD"},
                                    {"\xff\x0a\0"sv, "JPEG XL"},
                                    {"\0\0\0\x0cJXL \x0d\x0a"sv, "JPEG XL"},
                                    {"\0\0\0\x0cjP  \x0d\x0a"sv, "JPEG 2000"},
                                    {"\xff\x4f\xff\x51\0"sv, "JPEG 2000"},
                                    {"\0\0\1\0\1\0"sv, "ICO"}})
    EXPECT_EQ(message_of(bytes),
              fmt::format("cannot read picture: {} is not supported; save it as PNG or JPEG", name));
}

TEST(Decode, TheCasesWithOtherNames) {
  const auto bmp = decode_picture(test::content("tests/unit/host/data/cases/bmp.bmp"));
  ASSERT_OK(bmp);
  EXPECT_EQ(bmp->rgba, decode_picture(test::content("tests/unit/host/data/cases/upright.png"))->rgba);
  const auto jfif = decode_picture(test::content("tests/unit/host/data/cases/browser.jfif"));
  ASSERT_OK(jfif);
  EXPECT_EQ(jfif->rgba, decode_picture(test::content("tests/unit/host/data/cases/upright.jpg"))->rgba);
}

TEST(Decode, SizeIsLimitedBeforeAnythingIsUnpacked) {
  const auto large = decode_picture(test::png_header(10'000, 9'000));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::too_large);
  EXPECT_EQ(large.error().message,
            "cannot read picture: 10000 x 9000 is over the limit of 50 megapixels; make it smaller");
  EXPECT_EQ(message_of(test::png_header(100'000, 2)),
            "cannot read picture: 100000 x 2 pixels are over the limit of 65535 per side; make it smaller");
}

TEST(Decode, OfAnimatedWebpTheFirstFrame) {
  const auto first = test::drawn(40, 30);
  const auto read = decode_picture(test::to_webp_animated({first, test::quarters(40, 30)}));
  ASSERT_OK(read);
  EXPECT_EQ(read->rgba, first.rgba);
}

TEST(Decode, AFrameLiesInItsCanvas) {
  using namespace std::string_view_literals;
  const auto still = test::to_webp(test::quarters(16, 16));
  // A canvas of 20 x 18 pixels, and the picture as a frame at 2, 2 or, outside the canvas, at 8, 2.
  const auto animated = [&](char x) {
    std::string frame("\0\0\0\1\0\0\x0f\0\0\x0f\0\0\x64\0\0\0"sv);
    frame[0] = x;
    frame += still.substr(12);
    std::string bytes(
        "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0\x13\0\0\x11\0\0ANIM\6\0\0\0\0\0\0\0\0\0ANMF\0\0\0\0"sv);
    const auto frame_size = static_cast<std::uint32_t>(frame.size());
    std::memcpy(&bytes[bytes.size() - 4], &frame_size, 4);
    bytes += frame;
    const auto size = static_cast<std::uint32_t>(bytes.size() - 8);
    std::memcpy(&bytes[4], &size, 4);
    return bytes;
  };
  const auto read = decode_picture(animated(1));
  ASSERT_OK(read);
  EXPECT_EQ(read->width, 20);
  EXPECT_EQ(pixel(*read, 0, 0).alpha, 0);
  expect_near(pixel(*read, 2, 2), red);
  expect_near(pixel(*read, 17, 17), white);
  EXPECT_EQ(pixel(*read, 18, 17).alpha, 0);
  EXPECT_EQ(message_of(animated(4)), "cannot read picture: corrupt or truncated WebP");
}

TEST(Decode, ProgressiveScansAreLimited) {
  // A repeated scan of a progressive file: a known way to make a small file take hours to decode.
  const auto bytes = test::to_jpeg(test::quarters(16, 16), JpegKind::progressive);
  std::vector<std::size_t> scans;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i)
    if (static_cast<std::uint8_t>(bytes[i]) == 0xff && static_cast<std::uint8_t>(bytes[i + 1]) == 0xda)
      scans.push_back(i);
  ASSERT_GE(scans.size(), 2U);
  const auto last = bytes.substr(scans.back(), bytes.size() - 2 - scans.back());
  auto bomb = bytes.substr(0, bytes.size() - 2);
  for (int i = 0; i < 300; ++i) bomb += last;
  bomb += bytes.substr(bytes.size() - 2);
  EXPECT_EQ(message_of(bomb),
            "cannot read picture: a JPEG with over 100 scans; save it without progressive coding");
}

TEST(Decode, FormatsAreKnownByTheirFirstBytes) {
  const auto picture = test::quarters(8, 8);
  EXPECT_EQ(picture_format(test::to_png(picture).substr(0, picture_format_bytes)), PictureFormat::png);
  EXPECT_EQ(picture_format(test::to_jpeg(picture).substr(0, picture_format_bytes)), PictureFormat::jpeg);
  EXPECT_EQ(picture_format(test::to_webp(picture).substr(0, picture_format_bytes)), PictureFormat::webp);
  EXPECT_EQ(picture_format(test::to_gif(picture, false).substr(0, picture_format_bytes)), PictureFormat::gif);
  EXPECT_EQ(picture_format(test::to_tiff(picture, 8).substr(0, picture_format_bytes)), PictureFormat::tiff);
  EXPECT_EQ(picture_format("RIFF1234WAVEfmt "), std::nullopt);
  using namespace std::string_view_literals;
  EXPECT_EQ(picture_format("\0\0\0\x1c"
                           "ftypmif1\0\0\0\0mif1avifmiaf"sv),
            PictureFormat::avif);
  EXPECT_EQ(picture_format("\0\0\0\x1c"
                           "ftypmif1\0\0\0\0mif1heicmiaf"sv),
            PictureFormat::heic);
  EXPECT_EQ(picture_format("\0\0\0\x18"
                           "ftypmsf1\0\0\0\0iso8mif1"sv),
            PictureFormat::heic);
  // What follows the list of brands is not one.
  EXPECT_EQ(picture_format("\0\0\0\x14"
                           "ftypqt  \0\0\0\0qt  avif"sv),
            std::nullopt);
}

}  // namespace
}  // namespace sluice::host::media

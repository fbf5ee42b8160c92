// Photographs that are over the limits when they are decoded whole.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "result_assertions.hpp"
#include "sluice/host/media/resize.hpp"

namespace sluice::host::media {
namespace {

using test::JpegKind;

/// Something to see, whatever the size: waves over a gradient.
void draw_row(int width, int height, int y, std::uint8_t* rgb) {
  const double v = static_cast<double>(y) / height;
  // Ten thousand times fewer calls of `sin` than pixels.
  std::array<std::uint8_t, 512> waves{};
  for (std::size_t i = 0; i < waves.size(); ++i)
    waves[i] = static_cast<std::uint8_t>(127 + 100 * std::sin(static_cast<double>(i) / 20 + 9 * v));
  for (int x = 0; x < width; ++x, rgb += 3) {
    const auto u = static_cast<std::size_t>(x) * waves.size() / static_cast<std::size_t>(width);
    rgb[0] = waves[u];
    rgb[1] = static_cast<std::uint8_t>(255 * v);
    rgb[2] = static_cast<std::uint8_t>(u / 2);
  }
}

std::string photograph(int width, int height, JpegKind kind = JpegKind::rgb, int orientation = 0) {
  return test::to_jpeg(width, height, kind, orientation,
                       [&](int y, std::uint8_t* rgb) { draw_row(width, height, y, rgb); });
}

/// What a model gets of the same picture in a size that needs no scaling.
std::vector<std::uint8_t> expected(int width, int height) {
  Picture small{.width = width, .height = height, .rgba = {}};
  std::vector<std::uint8_t> row(static_cast<std::size_t>(3 * width));
  for (int y = 0; y < height; ++y) {
    draw_row(width, height, y, row.data());
    for (std::size_t i = 0; i < row.size(); i += 3)
      small.rgba.insert(small.rgba.end(), {row[i], row[i + 1], row[i + 2], 255});
  }
  return on_white_square(small, 224);
}

void expect_near(const std::vector<std::uint8_t>& got, const std::vector<std::uint8_t>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  double sum = 0;
  int most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const int difference = std::abs(got[i] - wanted[i]);
    sum += difference;
    most = std::max(most, difference);
  }
  EXPECT_LE(sum / static_cast<double>(got.size()), 1);
  EXPECT_LE(most, 8);
}

TEST(LargeJpeg, PhotographsOf108And200Megapixels) {
  for (const auto& [width, height] : {std::pair{12'000, 9'000}, {16'320, 12'240}}) {
    const auto read = decode_picture(photograph(width, height));
    ASSERT_OK(read);
    EXPECT_GE(read->width, 4096);  // at least four times what any model sees
    EXPECT_LE(read->rgba.size(), static_cast<std::size_t>(memory_max));
    EXPECT_NEAR(static_cast<double>(read->width) / read->height, static_cast<double>(width) / height, 0.001);
    expect_near(on_white_square(*read, 224), expected(1600, 1200));
  }
}

TEST(LargeJpeg, TurnedUpright) {
  const auto read = decode_picture(photograph(9'600, 7'200, JpegKind::rgb, 6));
  ASSERT_OK(read);
  EXPECT_EQ(read->width, 3'600);
  EXPECT_EQ(read->height, 4'800);  // four eighths
}

TEST(LargeJpeg, WhatFitsIsDecodedWhole) {
  const auto read = decode_picture(photograph(8'000, 6'000, JpegKind::rgb, 8));
  ASSERT_OK(read);
  EXPECT_EQ(read->width, 6'000);
}

TEST(LargeJpeg, ProgressiveIsScaledWhereItsCoefficientsFit) {
  // 120 MB of coefficients and 160 MB of pixels are too much; with a fourth of the pixels, they are not.
  const auto read = decode_picture(photograph(8'000, 5'000, JpegKind::progressive));
  ASSERT_OK(read);
  EXPECT_EQ(read->width, 5'000);
  expect_near(on_white_square(*read, 224), expected(1600, 1000));
}

/// The file with another size in its header: pixels are missing then.
std::string resized(std::string jpeg, int width, int height) {
  for (std::size_t i = 2; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] != '\xff' || (jpeg[i + 1] != '\xc0' && jpeg[i + 1] != '\xc2')) continue;
    for (const auto& [at, number] : {std::pair{i + 5, height}, {i + 7, width}}) {
      jpeg[at] = static_cast<char>(number >> 8);
      jpeg[at + 1] = static_cast<char>(number & 255);
    }
    return jpeg;
  }
  return jpeg;
}

TEST(LargeJpeg, ProgressiveThatNeedsMoreIsRefused) {
  const auto bytes = resized(test::to_jpeg(test::quarters(32, 32), JpegKind::progressive), 16'320, 12'240);
  const auto read = decode_picture(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::too_large);
  EXPECT_EQ(
      read.error().message,
      "cannot read picture: decoding 16320 x 12240 pixels of a progressive JPEG needs 571 MiB, over the "
      "limit of 256; save it without progressive coding, or make it smaller");
}

TEST(LargeJpeg, ScalingHasALimitToo) {
  const auto small = test::to_jpeg(test::quarters(32, 32));
  EXPECT_EQ(test::message_of(decode_picture(resized(small, 40'000, 30'000))),
            "cannot read picture: 40000 x 30000 is over the limit of 500 megapixels; make it smaller");
  // Within it, missing pixels end the work at once.
  EXPECT_EQ(test::message_of(decode_picture(resized(small, 20'000, 20'000))),
            "cannot read picture: corrupt or truncated JPEG (picture data is missing)");
}

}  // namespace
}  // namespace sluice::host::media

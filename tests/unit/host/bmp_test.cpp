// The files of data/bmp, which data/make_bmp.py writes and compares with Pillow, and files changed from them.
#include <array>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pictures.hpp"
#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/base/picture_format.hpp"

namespace sluice::host::media {
namespace {

constexpr int width = 13;
constexpr int height = 7;
constexpr std::array<std::array<std::uint8_t, 4>, 8> colors{{{0, 0, 0, 255},
                                                             {255, 0, 0, 255},
                                                             {0, 255, 0, 255},
                                                             {0, 0, 255, 255},
                                                             {255, 255, 0, 255},
                                                             {255, 0, 255, 255},
                                                             {0, 255, 255, 255},
                                                             {255, 255, 255, 255}}};

std::string bmp(const std::string& name) {
  return test::content("tests/unit/host/data/bmp/" + name + ".bmp");
}

/// The picture that all files show, in so many colors.
Picture expected(std::size_t count) {
  Picture out{.width = width, .height = height, .rgba = {}};
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x) {
      const auto& color = colors[(3 * x + 5 * y) % count];
      out.rgba.insert(out.rgba.end(), color.begin(), color.end());
    }
  return out;
}

std::string message_of(std::string_view bytes) { return test::message_of(decode_picture(bytes)); }

std::string with_byte(std::string bytes, std::size_t at, int value) {
  bytes[at] = static_cast<char>(value);
  return bytes;
}

TEST(Bmp, EveryKind) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::source("tests/unit/host/data/bmp"))) {
    const auto name = entry.path().stem().string();
    const auto read = decode_picture(bmp(name));
    ASSERT_OK(read) << name;
    ASSERT_EQ(read->width, width) << name;
    ASSERT_EQ(read->height, height) << name;
    const std::size_t count = name.starts_with("1-bit") ? 2 : name.starts_with("2-bit") ? 4 : 8;
    EXPECT_EQ(read->rgba, expected(count).rgba) << name;
    ++files;
  }
  EXPECT_EQ(files, 29U);
}

TEST(Bmp, AlphaIsKept) {
  auto bytes = bmp("32-bits-header-124");
  bytes[bytes.size() - 1] = 77;  // the last pixel of the file is the top right one
  const auto read = decode_picture(bytes);
  ASSERT_OK(read);
  EXPECT_EQ(read->rgba[4 * width - 1], 77);
  EXPECT_EQ(read->rgba[3], 255);
}

TEST(Bmp, WhatRunsSkipIsTransparent) {
  // One pixel, then two to the right and one up, another one, then the end of the picture.
  const auto head = bmp("rle8").substr(0, 14 + 40 + 1024);
  const auto read = decode_picture(head + std::string("\1\1\0\2\2\1\1\2\0\1", 10));
  ASSERT_OK(read);
  const auto at = [&](std::size_t x, std::size_t y) { return &read->rgba[4 * (y * width + x)]; };
  EXPECT_EQ(at(0, height - 1)[0], 255);
  EXPECT_EQ(at(0, height - 1)[3], 255);
  EXPECT_EQ(at(1, height - 1)[3], 0);
  EXPECT_EQ(at(3, height - 2)[1], 255);
  EXPECT_EQ(at(4, height - 2)[3], 0);
}

TEST(Bmp, RunsOutsideThePictureAreDropped) {
  const auto head = bmp("rle8").substr(0, 14 + 40 + 1024);
  std::string runs;
  for (int i = 0; i < 1000; ++i) runs += std::string("\xff\1\0\2\xff\xff\0\xff", 8) + std::string(256, '\1');
  EXPECT_OK(decode_picture(head + runs + std::string("\0\1", 2)));
}

TEST(Bmp, WithoutItsLastBytes) {
  const auto whole = expected(8).rgba;
  const auto without = [](const std::string& name, std::size_t bytes) {
    const auto all = bmp(name);
    return decode_picture(all.substr(0, all.size() - bytes));
  };
  // The padding of the last row: 13 x 3 + 1 and 13 + 3 bytes; the marks of the ends of row and picture.
  for (const auto& [name, bytes] :
       {std::pair{"24-bits", 1U}, {"8-bits", 3U}, {"16-bits", 2U}, {"rle8", 4U}, {"rle4", 3U}}) {
    const auto read = without(name, bytes);
    ASSERT_OK(read) << name;
    EXPECT_EQ(read->rgba, whole) << name;
    EXPECT_EQ(test::message_of(without(name, bytes + 2)),
              "cannot read picture: corrupt or truncated BMP (picture data is missing)")
        << name;
  }
}

TEST(Bmp, HeadersAreChecked) {
  const auto plain = bmp("24-bits");
  EXPECT_EQ(message_of(plain.substr(0, 30)),
            "cannot read picture: corrupt or truncated BMP (no header of a known kind)");
  EXPECT_EQ(message_of(with_byte(plain, 28, 5)), "cannot read picture: corrupt BMP (5 bits per pixel)");
  EXPECT_EQ(
      message_of(with_byte(plain, 30, 4)),
      "cannot read picture: this kind of BMP is not supported (compression 4 of 24 bits per pixel); save "
      "it as PNG");
  EXPECT_EQ(message_of(with_byte(plain, 18, 0)), "cannot read picture: it has no pixels");
  EXPECT_EQ(message_of(with_byte(plain, 20, 2)),
            "cannot read picture: 131085 x 7 pixels are over the limit of 65535 per side; make it smaller");
  EXPECT_EQ(
      message_of(with_byte(plain, 25, 0x80)),  // the height is -2147483641
      "cannot read picture: 13 x 2147483641 pixels are over the limit of 65535 per side; make it smaller");
}

TEST(Bmp, LettersAreNoPicture) {
  EXPECT_EQ(picture_format("BMW, Audi and other cars"), std::nullopt);
  EXPECT_EQ(message_of("BMW, Audi and other cars"),
            "cannot read picture: it is not " + std::string(readable_formats));
}

}  // namespace
}  // namespace sluice::host::media

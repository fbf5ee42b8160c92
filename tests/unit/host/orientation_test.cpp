// Every container that can carry an orientation, with each of the eight: it gives the pixels of the upright
// picture.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "pictures.hpp"
#include "places.hpp"
#include "result_assertions.hpp"

namespace sluice::host::media {
namespace {

using namespace std::string_literals;

/// The picture that a file with this orientation stores for `upright`: the inverse of what the decoder does,
/// by the table of EXIF (which row and column of the stored picture is at the top and at the left).
Picture stored(const Picture& upright, int orientation) {
  const bool turned = orientation >= 5;
  Picture out{.width = turned ? upright.height : upright.width,
              .height = turned ? upright.width : upright.height,
              .rgba = std::vector<std::uint8_t>(upright.rgba.size())};
  const int w = upright.width;
  const int h = upright.height;
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      // Row 0 is the visual top, bottom, left or right, and so is column 0.
      const int across = turned ? y : x;
      const int down = turned ? x : y;
      const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 6;
      const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
      const int from_x = from_right ? w - 1 - across : across;
      const int from_y = from_bottom ? h - 1 - down : down;
      std::copy_n(&upright.rgba[static_cast<std::size_t>(4 * (from_y * w + from_x))], 4,
                  &out.rgba[static_cast<std::size_t>(4 * (y * out.width + x))]);
    }
  }
  return out;
}

class Orientation : public testing::TestWithParam<int> {
 protected:
  void expect_upright(const std::string& bytes) {
    const auto read = decode_picture(bytes);
    ASSERT_OK(read);
    EXPECT_EQ(read->width, picture_.width);
    EXPECT_EQ(read->height, picture_.height);
    EXPECT_EQ(read->rgba, picture_.rgba);
  }

  const Picture picture_ = test::quarters(32, 16);
  const Picture stored_ = stored(picture_, GetParam());
};

TEST_P(Orientation, Png) {
  expect_upright(test::to_png_turned(stored_, GetParam()));
  expect_upright(test::to_png_turned(stored_, GetParam(), /*in_front=*/false));
}

TEST_P(Orientation, PngOfImageMagick) {
  const auto exif = "Exif\0\0"s + test::exif(GetParam());
  auto text = fmt::format("\nexif\n{:8}\n", exif.size());
  for (std::size_t i = 0; i < exif.size(); ++i)
    text += fmt::format("{:02x}{}", static_cast<std::uint8_t>(exif[i]), i % 36 == 35 ? "\n" : "");
  for (const auto* name : {"Raw profile type exif", "Raw profile type APP1"}) {
    expect_upright(test::with_png_chunk(test::to_png(stored_), "tEXt", name + "\0"s + text + "\n"));
    auto packed = std::string(compressBound(text.size()), '\0');
    auto size = static_cast<uLongf>(packed.size());
    compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
             text.size());
    expect_upright(
        test::with_png_chunk(test::to_png(stored_), "zTXt", name + "\0\0"s + packed.substr(0, size)));
  }
}

TEST_P(Orientation, Webp) {
  expect_upright(test::to_webp_turned(stored_, test::exif(GetParam())));
  expect_upright(test::to_webp_turned(stored_, test::exif(GetParam(), /*little_endian=*/true)));
  expect_upright(test::to_webp_turned(stored_, "Exif\0\0"s + test::exif(GetParam())));
}

TEST_P(Orientation, Tiff) { expect_upright(test::to_tiff(stored_, 8, GetParam())); }

TEST_P(Orientation, Jpeg) {
  // Pixels differ a little: blocks of eight do not turn with the picture.
  const auto upright = decode_picture(test::to_jpeg(picture_)).value();
  const auto read = decode_picture(test::to_jpeg(stored_, test::JpegKind::rgb, GetParam()));
  ASSERT_OK(read);
  ASSERT_EQ(read->width, upright.width);
  ASSERT_EQ(read->height, upright.height);
  for (std::size_t i = 0; i < upright.rgba.size(); ++i) ASSERT_NEAR(read->rgba[i], upright.rgba[i], 3) << i;
}

TEST_P(Orientation, AvifAndHeic) {
  for (const auto* ending : {"avif", "heic"}) {
    const auto read = decode_picture(
        test::content(fmt::format("tests/unit/host/data/heif/orientation{}.{}", GetParam(), ending)));
    ASSERT_OK(read) << ending;
    const auto upright = test::quarters(64, 48);
    ASSERT_EQ(read->width, upright.width) << ending;
    ASSERT_EQ(read->height, upright.height) << ending;
    for (const auto& [x, y] : {std::pair{10, 10}, {50, 10}, {10, 40}, {50, 40}})
      for (int c = 0; c < 4; ++c) {
        const auto at = static_cast<std::size_t>(4 * (y * 64 + x) + c);
        EXPECT_NEAR(read->rgba[at], upright.rgba[at], 6) << ending << ": " << x << ", " << y;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Orientation, testing::Range(1, 9));

TEST(OrientationOf, TheCases) {
  const auto decoded = [](const std::string& name) {
    return decode_picture(test::content("tests/unit/host/data/cases/" + name)).value();
  };
  EXPECT_EQ(decoded("orientation6.png").rgba, decoded("upright.png").rgba);
  const auto turned = decoded("orientation6.jpg");
  EXPECT_EQ(turned.width, decoded("upright.jpg").width);
  EXPECT_EQ(turned.height, decoded("upright.jpg").height);
}

TEST(OrientationOf, DamagedMetadataIsIgnored) {
  const auto picture = test::quarters(32, 16);
  const auto exif = test::exif(6);
  for (std::size_t size = 0; size < exif.size() - 6; ++size) {
    for (const auto& bytes : {test::with_png_chunk(test::to_png(picture), "eXIf", exif.substr(0, size)),
                              test::to_webp_turned(picture, "Exif\0\0"s + exif.substr(0, size))}) {
      const auto read = decode_picture(bytes);
      ASSERT_OK(read);
      EXPECT_EQ(read->rgba, picture.rgba) << size;
    }
  }
  for (const auto* text : {"", "\nexif\n", "\nexif\n  9\n4d4d0", "\nexif\n 99999999\nzz", "exif 4 4d4d\n"}) {
    const auto read = decode_picture(
        test::with_png_chunk(test::to_png(picture), "tEXt", "Raw profile type exif\0"s + text));
    ASSERT_OK(read);
    EXPECT_EQ(read->rgba, picture.rgba) << text;
  }
}

TEST(OrientationOf, MetadataOfAnyKindDoesNotKeepAPngFromBeingRead) {
  const auto picture = test::quarters(32, 16);
  for (const auto* type :
       {"eXIf", "tEXt", "zTXt", "iTXt", "iCCP", "gAMA", "pHYs", "tIME", "sBIT", "bKGD", "aaAA"}) {
    const auto read = decode_picture(test::with_png_chunk(test::to_png(picture), type, "garbage"));
    ASSERT_OK(read) << type;
    EXPECT_EQ(read->rgba, picture.rgba) << type;
  }
}

TEST(OrientationOf, ALongNumberCountsAsAShortOne) {
  auto exif = test::exif(0);
  exif[13] = 4;  // LONG
  exif[21] = 6;
  EXPECT_EQ(decode_picture(test::with_png_chunk(test::to_png(test::quarters(32, 16)), "eXIf", exif))->width,
            16);
}

}  // namespace
}  // namespace sluice::host::media

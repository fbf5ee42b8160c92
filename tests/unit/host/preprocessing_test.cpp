#include "sluice/host/media/preprocessing.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "pictures.hpp"
#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/host/media/resize.hpp"

namespace sluice::host::media {
namespace {

constexpr std::string_view description =
    R"({"version": 1, "size": 16, "channels": "rgb", "alpha": "white", "pad": "square-white", "resize": "bicubic-antialias",
        "mean": [127, 127, 127], "scale": [128, 128, 128], "layout": "nchw"})";

Value read(std::string_view text) { return parse_json(text).value(); }

std::string message_with(std::string_view field, Value value) {
  auto fields = *read(description).if_struct();
  fields.set(std::string(field), std::move(value));
  return test::message_of(Preprocessing::from_value(fields, "preprocessing.json"));
}

TEST(Resize, MatchesPillow) {
  std::ifstream file(test::source("tests/unit/host/data/pillow_bicubic.json"));
  std::stringstream text;
  text << file.rdbuf();
  const auto expected = read(text.str());
  ASSERT_EQ(expected.find("cases")->if_list()->size(), 2U);
  for (const auto& entry : *expected.find("cases")->if_list()) {
    const auto picture = test::drawn(static_cast<int>(entry.integer_at("width")),
                                     static_cast<int>(entry.integer_at("height")));
    const auto got = on_white_square(picture, static_cast<int>(entry.integer_at("size")));
    const auto hex = entry.text_at("rgb");
    ASSERT_EQ(hex.size(), 2 * got.size());
    int sum = 0;
    int most = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const int difference = std::abs(got[i] - std::stoi(hex.substr(2 * i, 2), nullptr, 16));
      sum += difference;
      most = std::max(most, difference);
    }
    EXPECT_LE(most, 1);
    EXPECT_LE(static_cast<double>(sum) / static_cast<double>(got.size()), 0.02);
  }
}

TEST(Resize, UniformColorsAreUnchanged) {
  Picture picture{.width = 640, .height = 640, .rgba = std::vector<std::uint8_t>(4UL * 640 * 640, 255)};
  for (std::size_t i = 0; i < picture.rgba.size(); i += 4) picture.rgba[i] = 40;
  const auto got = on_white_square(picture, 224);
  for (std::size_t i = 0; i < got.size(); i += 3) {
    ASSERT_EQ(got[i], 40);
    ASSERT_EQ(got[i + 1], 255);
  }
}

TEST(Resize, TransparentPixelsAreWhite) {
  const Picture picture{.width = 30, .height = 20, .rgba = std::vector<std::uint8_t>(4UL * 30 * 20, 0)};
  for (const auto byte : on_white_square(picture, 24)) ASSERT_EQ(byte, 255);
}

TEST(Resize, LongThinPicturesCostWhatTheirPixelsCost) {
  // If the white square were allocated, this would take 50 GB and minutes.
  for (const auto& [width, height] : {std::pair{side_max, 40}, {40, side_max}}) {
    const Picture picture{
        .width = width, .height = height, .rgba = std::vector<std::uint8_t>(4UL * 40 * side_max, 255)};
    for (const auto byte : on_white_square(picture, 224)) ASSERT_EQ(byte, 255);
  }
}

TEST(Preprocessing, MakesPlanesOfScaledNumbers) {
  const auto preprocessing = Preprocessing::from_value(read(description), "preprocessing.json");
  ASSERT_OK(preprocessing);
  const Picture red{.width = 1, .height = 1, .rgba = {255, 0, 0, 255}};
  std::vector<float> out(preprocessing->elements());
  preprocessing->apply(red, out);
  ASSERT_EQ(out.size(), 3U * 16 * 16);
  EXPECT_FLOAT_EQ(out.front(), 1);
  EXPECT_FLOAT_EQ(out[16 * 16], -127.0F / 128);
  EXPECT_FLOAT_EQ(out.back(), -127.0F / 128);
}

TEST(Preprocessing, ReadsWhatItWrites) {
  const auto first = Preprocessing::from_value(read(description), "preprocessing.json");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->to_value(), read(description));
  const auto second = Preprocessing::from_value(first->to_value(), "again");
  ASSERT_TRUE(second);
  EXPECT_EQ(*first, *second);
}

TEST(Preprocessing, RefusesWhatItDoesNotSupport) {
  EXPECT_EQ(message_with("version", 2),
            "preprocessing.json: `version` is 2, but this program supports 1; a newer Sluice may support it");
  EXPECT_EQ(message_with("resize", "nearest"),
            "preprocessing.json: `resize` is \"nearest\", but version 1 supports only \"bicubic-antialias\"");
  EXPECT_EQ(message_with("channels", "bgr"),
            "preprocessing.json: `channels` is \"bgr\", but version 1 supports only \"rgb\"");
  EXPECT_EQ(message_with("size", 100'000),
            "preprocessing.json: `size` must be a whole number from 8 to 1024");
  EXPECT_EQ(message_with("mean", List{1, 2}),
            "preprocessing.json: `mean` must be a list of 3 numbers, one per channel");
  EXPECT_EQ(message_with("scale", List{1, 0, 1}),
            "preprocessing.json: `scale` is a divisor, so none of its numbers may be zero");
  EXPECT_EQ(message_with("scal", List{1, 1, 1}),
            "preprocessing.json: unknown field `scal`; did you mean `scale`?");
  EXPECT_EQ(Preprocessing::from_value(Value("text"), "preprocessing.json").error().message,
            "preprocessing.json: must be an object, not string");
  EXPECT_EQ(
      Preprocessing::from_value(Struct{}, "preprocessing.json").error().message,
      "preprocessing.json: `version` is missing, but this program supports 1; a newer Sluice may support it");
}

}  // namespace
}  // namespace sluice::host::media

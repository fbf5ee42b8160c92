#include "sluice/app/terminal/chart.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using testing::ElementsAre;

std::vector<std::string> drawn(const std::vector<ChartPoint>& points, ChartSize size) {
  return chart_lines(points, size);
}

TEST(Chart, GoesFromTheFirstPointToTheLast) {
  EXPECT_THAT(drawn({{.at = 0, .value = 0}, {.at = 10, .value = 7}}, {.columns = 4, .rows = 2}),
              ElementsAre("7 ⠀⠀⡠⠊", "0 ⡠⠊"));
  EXPECT_THAT(drawn({{.at = 0, .value = 2.5}, {.at = 1, .value = -0.125}, {.at = 2, .value = 2.5}},
                    {.columns = 2, .rows = 1}),
              ElementsAre("2.5 ⠱⡜"));
}

TEST(Chart, OfOneValueIsALine) {
  EXPECT_THAT(drawn({{.at = 0, .value = 3}, {.at = 9, .value = 3}}, {.columns = 3, .rows = 3}),
              ElementsAre("  ", "3 ⠤⠤⠤", "  "));
}

TEST(Chart, DrawsPointsAtOnePlaceSideBySide) {
  EXPECT_EQ(drawn({{.at = 5, .value = 0}, {.at = 5, .value = 7}}, {.columns = 4, .rows = 2}),
            drawn({{.at = 0, .value = 0}, {.at = 1, .value = 7}}, {.columns = 4, .rows = 2}));
}

TEST(Chart, IsInterruptedWhereAValueIsNotANumber) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(drawn({{.at = 0, .value = 1}, {.at = 1, .value = nan}, {.at = 2, .value = 1}},
                    {.columns = 5, .rows = 1}),
              ElementsAre("1 ⠄⠀⠀⠀⠠"));
}

TEST(Chart, NeedsTwoNumbers) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(drawn({}, {}).empty());
  EXPECT_TRUE(drawn({{.at = 0, .value = 1}}, {}).empty());
  EXPECT_TRUE(drawn({{.at = 0, .value = 1}, {.at = 1, .value = nan}}, {}).empty());
  EXPECT_TRUE(drawn({{.at = 0, .value = 1}, {.at = 1, .value = 2}}, {.columns = 0, .rows = 0}).empty());
}

TEST(Chart, TakesTheGreatestNumbers) {
  const auto most = std::numeric_limits<double>::max();
  const auto lines =
      drawn({{.at = -most, .value = -most}, {.at = 0, .value = 0}, {.at = most, .value = most}},
            {.columns = 4, .rows = 2});
  EXPECT_THAT(lines, ElementsAre(" 1.798e+308 ⠀⠀⡠⠊", "-1.798e+308 ⡠⠊⠁"));
}

}  // namespace
}  // namespace sluice::app

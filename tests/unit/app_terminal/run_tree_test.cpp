// Every case of tests/golden/tree: rows of a run, a screen, and the text that is drawn. Then the rows of a
// run.
#include "sluice/app/terminal/run_tree.hpp"

#include <gtest/gtest.h>

#include "../../golden_case.hpp"
#include "result_assertions.hpp"
#include "sluice/app/terminal/cells.hpp"
#include "sluice/base/json.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::app {
namespace {

/// {"screen": {…}, "run": {…}, "rows": [[path, state, milliseconds or null, note], …], "many": {…}}
std::pair<RunPicture, Screen> read(const std::string& text) {
  const auto json = parse_json(text, "case");
  EXPECT_OK(json);
  const auto& screen = *json->find("screen");
  RunPicture picture{
      .state = json->text_at("state", "running"), .time = Milliseconds(json->integer_at("time")), .rows = {}};
  for (const auto& item : *json->find("rows")->if_list()) {
    const auto& row = *item.if_list();
    TreeRow made{
        .path = *row[0].if_string(), .state = *row[1].if_string(), .time = {}, .note = {}, .group = false};
    if (row.size() > 2 && !row[2].is_null()) made.time = Milliseconds(*row[2].if_integer());
    if (row.size() > 3) made.note = *row[3].if_string();
    made.group = row.size() > 4;
    picture.rows.push_back(std::move(made));
  }
  // A loop of tasks, the first of which have ended.
  if (const auto* many = json->find("many"))
    for (std::int64_t i = 0; i < many->integer_at("count"); ++i)
      picture.rows.push_back({.path = "loop[" + std::to_string(i) + "]/fit",
                              .state = i < many->integer_at("ended") ? "succeeded" : "running",
                              .time = Milliseconds(100 + i),
                              .note = {},
                              .group = false});
  return {std::move(picture), Screen{.width = static_cast<std::size_t>(screen.integer_at("width")),
                                     .height = static_cast<std::size_t>(screen.integer_at("height")),
                                     .colors = screen.boolean_at("colors", false)}};
}

std::string text_of(const std::vector<TreeLine>& lines) {
  std::string out;
  for (const auto& line : lines) out += line.text + "\n";
  for (std::size_t at = 0; (at = out.find('\x1b', at)) != std::string::npos;) out.replace(at, 1, "<esc>");
  return out;
}

class TreeGolden : public testing::TestWithParam<std::string> {};

TEST_P(TreeGolden, LooksLikeThis) {
  test::GoldenCase golden(GetParam());
  const auto [picture, screen] = read(golden.section("rows"));
  const auto lines = draw_tree(picture, screen);
  golden.expect("text", text_of(lines));
  EXPECT_LT(lines.size(), screen.height);
  for (const auto& line : lines) EXPECT_LT(line.cells, screen.width) << line.text;
}

INSTANTIATE_TEST_SUITE_P(Cases, TreeGolden, testing::ValuesIn(test::golden_cases("tree")), test::golden_name);

TEST(Tree, FitsEveryScreen) {
  test::GoldenCase golden("tree/nested.case");
  const auto picture = read(golden.section("rows")).first;
  for (std::size_t width = 1; width < 90; ++width)
    for (std::size_t height = 1; height < 16; ++height) {
      const auto lines = draw_tree(picture, {.width = width, .height = height});
      EXPECT_LE(lines.size(), std::max<std::size_t>(1, height - 1)) << width << " x " << height;
      for (const auto& line : lines) {
        EXPECT_LE(line.cells, std::max<std::size_t>(1, width - 1))
            << width << " x " << height << ": " << line.text;
        EXPECT_GE(line.cells, cells_of(line.text)) << line.text;
      }
    }
}

TEST(Tree, WritesTimesForPeople) {
  EXPECT_EQ(human_time(Milliseconds(0)), "0.00 s");
  EXPECT_EQ(human_time(Milliseconds(9'994)), "9.99 s");
  EXPECT_EQ(human_time(Milliseconds(9'996)), "10.0 s");
  EXPECT_EQ(human_time(Milliseconds(59'940)), "59.9 s");
  EXPECT_EQ(human_time(Milliseconds(59'960)), "1 min 00 s");
  EXPECT_EQ(human_time(Milliseconds(125'000)), "2 min 05 s");
  EXPECT_EQ(human_time(Milliseconds(3'720'000)), "1 h 02 min");
}

constexpr auto plan_text = R"(
sluice: 1
pipelines:
  main:
    graph:
      b: {process: [run]}
      a: {process: [run]}
      loop: {each: "${[1]}", as: i, graph: {c: {process: [run]}}}
)";

TEST(Tree, HasTheRowsOfThePlanInItsOrderAndInnerOnesOnceTheyStart) {
  const auto read = ir::read_plan(plan_text);
  ASSERT_OK(read);
  const auto& plan = *read;
  const Time begin{std::chrono::hours(1)};
  runs::Reporter reporter(plan);
  reporter.apply(engine::RunCreated{.run = {"r"}, .pipeline = "main", .at = begin});
  reporter.apply(engine::TaskReady{.path = "a"});
  reporter.apply(engine::Scheduled{.path = "a", .at = begin});
  reporter.apply(engine::RegionStarted{.path = "loop"});
  reporter.apply(engine::TaskReady{.path = "loop[0]/c"});
  reporter.apply(engine::Scheduled{.path = "loop[0]/c", .at = begin});
  reporter.apply(
      engine::Ended{.path = "loop[0]/c",
                    .status = engine::Status::failed,
                    .failure = {.kind = "exit", .message = "exit\nstatus 3", .source = "loop[0]/c"},
                    .at = begin});
  auto picture = picture_of(reporter.report(), *plan, begin + std::chrono::seconds(2));
  picture.rows.push_back(
      {.path = "", .state = picture.state, .time = picture.time, .note = {}, .group = false});
  std::string seen;
  for (const auto& row : picture.rows)
    seen += row.path + " " + row.state + (row.time ? " " + human_time(*row.time) : "") +
            (row.note.empty() ? "" : ": " + row.note) + (row.group ? " (group)" : "") + "\n";
  EXPECT_EQ(seen,
            "b waiting\na running 2.00 s\nloop running (group)\nloop[0]/c failed: exit?status 3\n running "
            "2.00 s\n");
}

TEST(Tree, ShowsHowFarTasksAreAndWhatTheyWaitFor) {
  const auto read = ir::read_plan(plan_text);
  ASSERT_OK(read);
  const Time begin{std::chrono::hours(1)};
  runs::Reporter reporter(*read);
  reporter.apply(engine::RunCreated{.run = {"r"}, .pipeline = "main", .at = begin});
  reporter.apply(engine::TaskReady{.path = "a"});
  reporter.apply(engine::Scheduled{.path = "a", .at = begin});
  reporter.apply(engine::TaskReady{.path = "b"});
  runs::TasksUnderWay under_way;
  under_way["a"] = {.path = "a",
                    .progress = ports::Progress{.done = 119, .total = 238, .unit = "pictures", .rate = 9.3}};
  under_way["b"] = {.path = "b", .waits_for = "cpu"};
  std::string seen;
  for (const auto& row : picture_of(reporter.report(), **read, begin, under_way).rows)
    if (!row.note.empty()) seen += row.path + " " + row.state + ": " + row.note + "\n";
  EXPECT_EQ(seen,
            "b waiting: for a slot: cpu\na running: 119 of 238 pictures, 50 %, 9.3 a second, 12.8 s left\n");
  // What the journal says is newer.
  reporter.apply(engine::Ended{.path = "a", .status = engine::Status::succeeded, .at = begin});
  reporter.apply(engine::Scheduled{.path = "b", .at = begin});
  for (const auto& row : picture_of(reporter.report(), **read, begin, under_way).rows)
    EXPECT_EQ(row.note, "") << row.path;
}

TEST(Progress, IsShownAsFarAsItIsKnown) {
  EXPECT_EQ(human_progress({.done = 7}), "7");
  EXPECT_EQ(human_progress({.done = 7, .unit = "files"}), "7 files");
  EXPECT_EQ(human_progress({.done = 7, .unit = "files", .rate = 120.4}), "7 files, 120 a second");
  EXPECT_EQ(human_progress({.done = 199, .total = 200}), "199 of 200, 99 %") << "100 % is the end";
  EXPECT_EQ(human_progress({.done = 12, .total = 100, .unit = "%", .rate = 2}), "12 %, 44.0 s left");
  EXPECT_EQ(human_progress({.done = 300, .total = 200, .unit = "files", .rate = 1}),
            "300 of 200 files, 100 %, 1.0 a second, 0.00 s left");
  EXPECT_EQ(human_progress({.done = 1, .total = INT64_MAX, .rate = 1e-9}),
            "1 of 9223372036854775807, 0 %, 0.0 a second");
}

}  // namespace
}  // namespace sluice::app

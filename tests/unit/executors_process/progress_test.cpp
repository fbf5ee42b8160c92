// The file in which a task reports its progress.
#include <fcntl.h>
#include <sys/stat.h>

#include "result_assertions.hpp"
#include "sluice/executors/process/progress_file.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

std::string described(const ports::Progress& progress) {
  return std::to_string(progress.done) + "/" + std::to_string(progress.total) + " [" + progress.unit + "]";
}
std::string parsed(std::string_view line) {
  const auto report = parse_progress(line);
  return report ? described({.done = report->done, .total = report->total, .unit = report->unit}) : "none";
}

TEST(ProgressLine, HasANumberAndPerhapsATotalAndAUnit) {
  EXPECT_EQ(parsed("30"), "30/0 []");
  EXPECT_EQ(parsed("30/238"), "30/238 []");
  EXPECT_EQ(parsed("  30/238 pictures\r"), "30/238 [pictures]");
  EXPECT_EQ(parsed("30 large pictures"), "30/0 [large pictures]");
  EXPECT_EQ(parsed("12%"), "12/100 [%]");
  EXPECT_EQ(parsed("12 %"), "12/100 [%]");
  EXPECT_EQ(parsed("0/0 Bücher"), "0/0 [Bücher]");
}

TEST(ProgressLine, AnythingElseIsNone) {
  for (const auto* line : {"", "pictures", "-3/4", "3/-4", "3/", "3/x", "3.5/4", "30pictures",
                           "30/238pictures", "/3", "99999999999999999999", "1/99999999999999999999", "3 \x01",
                           "3 \xff", "3 a unit of more than thirty-two bytes"})
    EXPECT_EQ(parsed(line), "none") << line;
}

class ProgressFile : public testing::Test {
 protected:
  [[nodiscard]] std::string read(const std::string& content) {
    EXPECT_OK(os::write_file(file_, content));
    return read();
  }
  [[nodiscard]] std::string read() const {
    const auto progress = read_progress(file_);
    return progress ? described(*progress) : "none";
  }

  Result<os::TemporaryDirectory> folder_ =
      os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-progress-");
  std::filesystem::path file_ = folder_->path() / "progress";
};

TEST_F(ProgressFile, TheLastCompleteLineCounts) {
  EXPECT_EQ(read(), "none");
  EXPECT_EQ(read(""), "none");
  EXPECT_EQ(read("1/3 files\n"), "1/3 [files]");
  EXPECT_EQ(read("1/3 files\n2/3 files\nwhat is this\n\n3/"), "2/3 [files]");
}

TEST_F(ProgressFile, OfALongOneOnlyTheEndsAreRead) {
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += std::to_string(i) + "/100000 steps\n";
  EXPECT_EQ(read(content), "99999/100000 [steps]");
  EXPECT_EQ(read(content + std::string(1 << 20, 'x') + "\n"), "none") << "no report near the end";
}

TEST_F(ProgressFile, TheRateIsTheMeanSinceTheFileWasCreated) {
  EXPECT_EQ(read("10/100\n60/100\n"), "60/100 []");
  struct statx born{};
  ASSERT_EQ(statx(AT_FDCWD, file_.c_str(), 0, STATX_BTIME, &born), 0);
  if ((born.stx_mask & STATX_BTIME) == 0) return;  // a file system without creation times: there is no rate
  const timespec written{.tv_sec = born.stx_btime.tv_sec + 5, .tv_nsec = born.stx_btime.tv_nsec};
  const std::array times{written, written};
  ASSERT_EQ(utimensat(AT_FDCWD, file_.c_str(), times.data(), 0), 0);
  const auto progress = read_progress(file_);
  ASSERT_TRUE(progress);
  EXPECT_NEAR(progress->rate, 10, 0.01);
  EXPECT_NEAR(*progress->seconds_left(), 4, 0.01);
}

TEST_F(ProgressFile, WhatIsNoRegularFileIsNotRead) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(read(), "none");
  std::filesystem::remove(file_);
  ASSERT_OK(os::write_file(folder_->path() / "other", "1/2\n"));
  std::filesystem::create_symlink("other", file_);
  EXPECT_EQ(read(), "none");
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_EQ(read(), "none");
}

class Progress : public Stage {};

TEST_F(Progress, OfARunningTaskIsWhatItReportedLast) {
  const auto gate = (data() / "go").string();
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  auto what = shell(
      "f",
      "echo 1/3 files >> \"$SLUICE_PROGRESS\"; echo 2/3 files >> \"$SLUICE_PROGRESS\"; read line < " + gate);
  EXPECT_FALSE(executor().progress({"f"}));
  executor().start(what);
  wait_until([&] { return executor().progress({"f"}) && executor().progress({"f"})->done == 2; });
  EXPECT_EQ(described(*executor().progress({"f"})), "2/3 [files]");
  open();  // a restarted server
  executor().start(what);
  EXPECT_EQ(described(*executor().progress({"f"})), "2/3 [files]");
  ASSERT_OK(os::write_file(gate, "\n"));
  EXPECT_EQ(outcomes().of("f").status, Outcome::Status::succeeded);
  executor().acknowledge({"f"});
  wait_until([&] { return !executor().progress({"f"}); });
}

}  // namespace
}  // namespace sluice::executors

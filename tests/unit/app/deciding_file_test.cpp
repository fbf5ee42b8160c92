#include "sluice/app/deciding_file.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

class Deciding : public testing::Test {
 protected:
  /// The next process on the folder.
  [[nodiscard]] std::unique_ptr<DecidingFile> open() const {
    return test::value_of(DecidingFile::open(path()));
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "deciding"; }
  void die_while_deciding(const std::string& run) const { open()->begin({run}); }

 private:
  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-deciding-"));
};

TEST_F(Deciding, OneDeathNamesNoRun) {
  die_while_deciding("a");
  EXPECT_EQ(open()->take_culprit(), std::nullopt);
}

TEST_F(Deciding, ASecondDeathIsCountedForTheSameRunOnly) {
  die_while_deciding("a");
  die_while_deciding("b");
  {
    const auto file = open();
    EXPECT_EQ(file->take_culprit(), std::nullopt);
    file->begin({"b"});
  }
  const auto file = open();
  EXPECT_EQ(file->take_culprit(), RunId{"b"});
  EXPECT_EQ(file->take_culprit(), std::nullopt);
}

TEST_F(Deciding, AProcessThatEndsBetweenDecisionsBreaksTheRow) {
  die_while_deciding("a");
  {
    const auto file = open();
    file->begin({"a"});
    file->end();
  }
  die_while_deciding("a");
  EXPECT_EQ(open()->take_culprit(), std::nullopt);
}

TEST_F(Deciding, AFileOfSomethingElseIsReplaced) {
  ASSERT_OK(os::write_file(path(), "text"));
  die_while_deciding("a");
  die_while_deciding("a");
  EXPECT_EQ(open()->take_culprit(), RunId{"a"});
}

}  // namespace
}  // namespace sluice::app

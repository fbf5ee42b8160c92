#include "sluice/app/predict/results_file.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;
using app::Answer;
using app::ResultsFile;
using test::error_of;
using test::value_of;

const std::string header = "file,label,probability,rejected,error,endpoint,version\n";

Answer answer_of(const std::string& file, const std::string& label) {
  return {.file = file, .error = {}, .label = label, .probabilities = {0.25, 0.75}, .version = "3"};
}

Answer problem_of(const std::string& file) {
  return {.file = file, .error = user_error(Code::invalid_argument, "it is no picture")};
}

class Results : public testing::Test {
 protected:
  [[nodiscard]] std::string text() const { return value_of(os::read_file(path)); }
  void write(const std::string& content) const { EXPECT_OK(os::write_file(path, content)); }

  os::TemporaryDirectory folder = value_of(os::TemporaryDirectory::make_in_tmp());
  const std::filesystem::path path = folder.path() / "results.csv";
};

TEST_F(Results, AnswersAreRows) {
  auto file = value_of(ResultsFile::open(path, "stamps"));
  EXPECT_OK(file.add({answer_of("a,b.png", "=bird"), problem_of("c.png")}));
  EXPECT_EQ(text(),
            header + "\"a,b.png\",'=bird,0.750000,false,,stamps,3\nc.png,,,,it is no picture,stamps,\n");
  EXPECT_TRUE(file.has("a,b.png"));
  EXPECT_FALSE(file.has("c.png"));
}

TEST_F(Results, ContinuingKeepsPredictionsAndNothingElse) {
  {
    auto file = value_of(ResultsFile::open(path, "stamps"));
    EXPECT_OK(file.add({answer_of("=a.png", "bird"), problem_of("b.png"), answer_of("c.png", "fish")}));
  }
  const auto whole = text();
  for (auto cut = header.size(); cut <= whole.size(); ++cut) {
    write(whole.substr(0, cut));
    auto file = value_of(ResultsFile::open(path, "stamps"));
    EXPECT_EQ(file.has("=a.png"), cut > whole.find('\n', header.size())) << cut;
    EXPECT_FALSE(file.has("b.png"));
    EXPECT_EQ(file.has("c.png"), cut == whole.size());
    EXPECT_OK(file.add({answer_of("d.png", "fish")}));
    EXPECT_TRUE(text().starts_with(header) && text().ends_with("\nd.png,fish,0.750000,false,,stamps,3\n"))
        << text();
    EXPECT_EQ(text().find("b.png"), std::string::npos);
  }
}

TEST_F(Results, ContinuesWhatASpreadsheetSaved) {
  write(
      "\xef\xbb\xbf"
      "file,label,probability,rejected,error,endpoint,version\r\na.png,bird,0.9,FALSE,,stamps,1\r\n");
  EXPECT_TRUE(value_of(ResultsFile::open(path, "stamps")).has("a.png"));
}

TEST_F(Results, AHeaderThatWasCutOffIsNotContinued) {
  write(header.substr(0, 10));
  EXPECT_EQ(error_of(ResultsFile::open(path, "stamps")).code, Code::failed_precondition);
}

TEST_F(Results, OtherFilesAreRefusedAndKept) {
  for (const std::string other : {"name,price\napple,3\n", "{\"a\": 1}", "\n", "file,label\n"}) {
    write(other);
    const auto error = error_of(ResultsFile::open(path, "stamps"));
    EXPECT_EQ(error.message, "--out " + path.string() +
                                 ": the file was not written by `sluice predict --out`; name another file");
    EXPECT_EQ(text(), other);
  }
  write(header + "a.png,bird,0.9,false,,birds,1\n");
  EXPECT_EQ(error_of(ResultsFile::open(path, "stamps")).message,
            "--out " + path.string() + ": the file has the answers of endpoint `birds`; name another file");
  write(header + "a.png,bird\n");
  EXPECT_EQ(error_of(ResultsFile::open(path, "stamps")).message,
            "--out " + path.string() + ": a row of the file does not have its columns; name another file");
}

TEST_F(Results, OneProcessWritesAFile) {
  auto first = value_of(ResultsFile::open(path, "stamps"));
  EXPECT_EQ(error_of(ResultsFile::open(path, "stamps")).message,
            "--out " + path.string() + ": another process writes the file; name another file");
  EXPECT_OK(first.add({problem_of("a.png")}));
  {
    const auto released = std::move(first);
  }
  auto second = value_of(ResultsFile::open(path, "stamps"));
  EXPECT_EQ(text(), header) << "replaced, and locked again";
  EXPECT_FALSE(ResultsFile::open(path, "stamps"));
}

}  // namespace

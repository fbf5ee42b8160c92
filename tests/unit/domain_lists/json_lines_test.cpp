#include "sluice/domain/lists/json_lines.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"

namespace sluice::lists {
namespace {

std::string read(std::string_view text) {
  const auto values = values_of_json_lines(text, "rows.jsonl");
  return values ? to_json(Value(*values)) : values.error().message;
}

TEST(JsonLines, AreOneValueEach) {
  EXPECT_EQ(read(""), "[]");
  EXPECT_EQ(read("1\n\n  \n\"a\\nb\"\n{\"k\": [1.0, null]}"), R"([1,"a\nb",{"k":[1.0,null]}])");
  EXPECT_EQ(read("\xef\xbb\xbf[1]\r\n2\r\n"), "[[1],2]");
  const auto forged = values_of_json_lines("{\"$artifact\": {\"kind\": \"x\"}}\n", "rows.jsonl");
  ASSERT_OK(forged);
  EXPECT_TRUE(forged->front().is_struct());
}

TEST(JsonLines, SayWhichLineIsWrong) {
  EXPECT_EQ(read("1\n\n{\"a\": }\n"),
            "rows.jsonl:3:7: invalid JSON syntax; each line should be one JSON value");
  EXPECT_EQ(read("[\n1\n]\n"), "rows.jsonl:1:2: unexpected end of text; each line should be one JSON value");
  EXPECT_NE(read("1\n2 3\n").find("rows.jsonl:2:3: "), std::string::npos);
  EXPECT_NE(read("\xff\n").find("rows.jsonl:1:"), std::string::npos);
  EXPECT_NE(read(std::string(200, '[') + std::string(200, ']')).find("rows.jsonl:1:"), std::string::npos);
}

TEST(JsonLines, AreLimited) {
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += "1\n";
  EXPECT_EQ(values_of_json_lines(many, "rows.jsonl")->size(), 1'000'000U);
  EXPECT_EQ(read(many + "\n2\n"),
            "rows.jsonl:1000002: it has more than 1000000 values; group several into one");
}

class JsonLinesService : public testing::Test {
 protected:
  Result<Struct> run(Artifact file) {
    std::filesystem::remove_all(root_.path() / "scratch");
    std::filesystem::create_directories(root_.path() / "scratch");
    Struct with;
    with.set("file", std::move(file));
    return JsonLines(*objects_).run({.with = with, .scratch = root_.path() / "scratch"});
  }
  Artifact stored(const std::string& text) {
    EXPECT_TRUE(os::write_file(root_.path() / "text", text));
    const auto stored = test::value_of(objects_->put_file(root_.path() / "text"));
    return {.kind = "rows", .digest = stored.digest, .size = stored.size, .name = "rows.jsonl"};
  }

  os::TemporaryDirectory root_ =
      *os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-lists-");
  SystemClock clock_;
  std::unique_ptr<ports::ObjectStore> objects_ =
      *stores::DirectoryObjectStore::open(root_.path() / "objects", root_.path() / "cache", clock_);
};

TEST_F(JsonLinesService, ReadsAFileOfTheStore) {
  const auto outputs = run(stored("{\"id\": 1}\n{\"id\": 2}\n"));
  ASSERT_OK(outputs);
  EXPECT_EQ(to_json(Value(*outputs)), R"({"count":2,"items":[{"id":1},{"id":2}]})");
}

TEST_F(JsonLinesService, RefusesWhatIsNoSuchFile) {
  EXPECT_EQ(run({.kind = "x", .form = Form::directory, .digest = Digest::of("x"), .name = "folder"})
                .error()
                .message,
            "`folder` is not a file of this server; give a file with one JSON value on each line");
  auto large = stored("1\n");
  large.size = (std::int64_t{16} << 20) + 1;
  EXPECT_EQ(
      run(large).error().message,
      "rows.jsonl: 16.8 MB exceeds the limit of 16.8 MB for a list; loop over parts of it, and let the tasks "
      "read the file");
}

}  // namespace
}  // namespace sluice::lists

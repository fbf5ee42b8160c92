#include "native_stage.hpp"
#include "result_assertions.hpp"

namespace sluice::test {
namespace {

std::filesystem::path file(NativeStage& s, const std::string& bytes) {
  const auto path = s.stage.folder.path() / "body";
  EXPECT_OK(os::write_file(path, bytes));
  return path;
}

TEST(NativeObjects, ReportWhichAreMissing) {
  NativeStage s;
  EXPECT_OK(s.stage.objects->put("here"));
  const auto here = Digest::of("here").hex();
  const auto gone = Digest::of("gone").hex();
  const auto answer = s.post("/v1/objects/missing", R"({"digests": [")" + here + R"(", ")" + gone + R"("]})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"missing":[")" + gone + "\"]}\n");
  EXPECT_EQ(refusal(s.post("/v1/objects/missing", R"({"digests": ["abc"]})")),
            "400: a digest is 64 hexadecimal digits, not 3");
  EXPECT_EQ(refusal(s.post("/v1/objects/missing", R"({"digests": [3]})")),
            "400: a digest is 64 hexadecimal digits, not 0");
  EXPECT_EQ(refusal(s.post("/v1/objects/missing")),
            "400: the body must have a list `digests` of at most 1000000 entries");
}

TEST(NativeObjects, AcceptOnlyBytesOfTheirDigest) {
  NativeStage s;
  const auto digest = Digest::of("new bytes");
  const auto answer = s.ask("PUT", "/v1/objects/" + digest.hex(), "", file(s, "new bytes")).get();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, R"({"digest":")" + digest.hex() + "\",\"size\":9}\n");
  EXPECT_EQ(value_of(s.stage.objects->get(digest)), "new bytes");
  const auto other = Digest::of("other bytes");
  const auto refused = s.ask("PUT", "/v1/objects/" + other.hex(), "", file(s, "new bytes")).get();
  EXPECT_GE(refused.status, 400);
  EXPECT_FALSE(s.stage.objects->has(other));
  EXPECT_EQ(refusal(s.ask("PUT", "/v1/objects/abc", "", file(s, "x")).get()),
            "400: a digest is 64 hexadecimal digits, not 3");
}

}  // namespace
}  // namespace sluice::test

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

TEST(NativeUploads, ArriveInParts) {
  NativeStage s;
  const std::string bytes = "in two parts";
  const auto body = R"({"size": 12, "digest": ")" + Digest::of(bytes).hex() + "\"}";
  const auto begun = s.post("/v1/uploads", body);
  EXPECT_EQ(begun.status, 201);
  const auto id = json_of(begun).text_at("upload");
  const auto state = R"({"upload":")" + id + R"(","size":12,"received":)";
  EXPECT_EQ(begun.body, state + "0,\"part_max\":16777216}\n");
  const auto patch = [&](const std::string& query, const std::string& part) {
    return s.ask("PATCH", "/v1/uploads/" + id + query, part).get();
  };
  EXPECT_EQ(patch("?offset=0", bytes.substr(0, 5)).body, state + "5,\"part_max\":16777216}\n");
  EXPECT_EQ(s.get("/v1/uploads/" + id).body, state + "5,\"part_max\":16777216}\n");
  EXPECT_EQ(s.post("/v1/uploads", body).body, state + "5,\"part_max\":16777216}\n");
  EXPECT_EQ(patch("?offset=0", "in tw").status, 409);
  EXPECT_EQ(refusal(patch("", "x")),
            "400: query parameter `offset` is missing: the number of the part's first byte");
  EXPECT_EQ(refusal(patch("?offset=-5", "x")),
            "400: query parameter `offset` must be a non-negative integer");
  const auto last = patch("?offset=5", bytes.substr(5));
  EXPECT_EQ(last.status, 201);
  EXPECT_EQ(last.body, R"({"digest":")" + Digest::of(bytes).hex() + "\",\"size\":12}\n");
  EXPECT_EQ(value_of(s.stage.objects->get(Digest::of(bytes))), bytes);
  EXPECT_EQ(refusal(s.get("/v1/uploads/" + id)).substr(0, 3), "404");
  const auto stored = s.post("/v1/uploads", body);
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.body, last.body);
}

TEST(NativeUploads, AreCancelled) {
  NativeStage s;
  EXPECT_EQ(refusal(s.post("/v1/uploads")), "400: the body must have an integer `size`");
  const auto id = json_of(s.post("/v1/uploads", R"({"size": 3})")).text_at("upload");
  EXPECT_EQ(s.ask("DELETE", "/v1/uploads/" + id).get().status, 200);
  EXPECT_EQ(s.ask("DELETE", "/v1/uploads/" + id).get().status, 404);
  EXPECT_EQ(s.ask("PATCH", "/v1/uploads/..?offset=0", "abc").get().status, 404);
}

}  // namespace
}  // namespace sluice::test

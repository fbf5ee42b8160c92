#include "native_stage.hpp"
#include "sluice/api/native/responses.hpp"

namespace sluice::test {
namespace {

TEST(NativeAnswers, ReportAnErrorWithCodeBlameMessageAndNotes) {
  const auto answer =
      api::error_response(user_error(Code::not_found, "there is no run `x`").with_note("look again"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(
      answer.body,
      R"({"error":{"code":"not_found","blame":"user","message":"there is no run `x`","notes":["look again"]}})"
      "\n");
  EXPECT_EQ(json_of(api::error_response(environment_error(Code::disk_full, "disk full")))
                .find("error")
                ->text_at("blame"),
            "environment");
}

TEST(NativeAnswers, StayJsonWhateverAMessageContains) {
  const auto answer = api::error_response(user_error(Code::invalid_argument, "no file \"\xff\n\""));
  EXPECT_EQ(json_of(answer).find("error")->text_at("message"), "no file \"\xef\xbf\xbd\n\"");
}

TEST(NativeStatus, IdentifiesTheServer) {
  NativeStage s;
  const auto json = json_of(s.get("/v1/status"));
  EXPECT_EQ(json.text_at("name"), "sluice");
  EXPECT_EQ(json.text_at("version"), "1.2.3");
  EXPECT_EQ(json.text_at("data"), s.stage.folder.path().string());
  EXPECT_EQ(json.integer_at("pid"), ::getpid());
}

TEST(NativeBodies, MustBeJsonObjects) {
  NativeStage s;
  EXPECT_EQ(refusal(s.post("/v1/runs", "{")), "400: body:1:2: unexpected end of text");
  EXPECT_EQ(refusal(s.post("/v1/runs", "[]")), "400: the body must be a JSON object");
  EXPECT_EQ(refusal(s.post("/v1/runs", "{}")), "400: the body must have a string `plan`");
  EXPECT_EQ(refusal(s.post("/v1/runs", R"({"plan": 3})")), "400: the body must have a string `plan`");
}

TEST(NativeQueries, NeedNonNegativeIntegers) {
  NativeStage s;
  for (const auto* limit : {"many", "-1", "1.5", "1x", "99999999999999999999"})
    EXPECT_EQ(refusal(s.get("/v1/runs?limit=" + std::string(limit))),
              "400: query parameter `limit` must be a non-negative integer");
}

}  // namespace
}  // namespace sluice::test

#include "sluice/domain/access/recorded.hpp"

#include "access_stage.hpp"

namespace sluice::access {
namespace {

/// "WHO WHAT SUBJECT", newest first.
std::vector<std::string> changes_in(const ports::ChangeLog& log) {
  std::vector<std::string> out;
  for (const auto& change : test::value_of(log.changes(INT64_MAX, 100)))
    out.push_back(change.principal.name + " " + change.what + " " + change.subject);
  return out;
}

TEST(Recorded, ProtocolsRecordWhatTheyChanged) {
  AccessStage stage;
  const auto respond_with = [](int status, std::string subject) {
    return [=](const ports::Request&, ports::Responder respond) {
      respond({.status = status, .subject = subject});
    };
  };
  const auto protocol = recorded(
      {.name = "p",
       .routes =
           {{.method = "PUT", .pattern = "/a/{}", .handler = respond_with(200, ""), .change = "a.put"},
            {.method = "POST", .pattern = "/b", .handler = respond_with(201, "made"), .change = "b.make"},
            {.method = "POST", .pattern = "/c", .handler = respond_with(404, ""), .change = "c.make"},
            {.method = "POST", .pattern = "/d", .handler = respond_with(200, "")}},
       .error = {}},
      {.log = stage.tables, .clock = stage.clock});
  for (const auto& route : protocol.routes) {
    int answered = 0;
    route.handler({.params = {"first"}, .principal = {.name = "ann"}},
                  [&](const ports::Response& response) { answered = response.status; });
    EXPECT_NE(answered, 0) << route.pattern;
  }
  EXPECT_EQ(changes_in(stage.tables), (std::vector<std::string>{"ann b.make made", "ann a.put first"}));
}

class Effect final : public ports::Service {
 public:
  explicit Effect(ir::Effect effect) : signature_{.name = "x.do", .version = "1.0.0", .effect = effect} {}
  [[nodiscard]] const ir::Signature& signature() const override { return signature_; }
  [[nodiscard]] Result<Value> environment(const Struct&) const override { return Value(); }
  Result<Struct> run(const ports::ServiceCall& call) override {
    if (call.path == "fails") return Fail(user_error(Code::invalid_argument, "no"));
    Struct outputs;
    outputs.set("name", "stamps");
    outputs.set("version", 3);
    return outputs;
  }

 private:
  ir::Signature signature_;
};

TEST(Recorded, ServicesRecordTheirEffects) {
  AccessStage stage;
  const Record record{.log = stage.tables, .clock = stage.clock};
  const auto call = [&](ir::Effect effect, const std::string& path) {
    return recorded(std::make_unique<Effect>(effect), record)
        ->run({.run = {"r1"}, .path = path, .principal = {.name = "ann"}});
  };
  EXPECT_OK(call(ir::Effect::idempotent, "a"));
  EXPECT_FALSE(call(ir::Effect::idempotent, "fails"));
  EXPECT_OK(call(ir::Effect::none, "a"));
  EXPECT_EQ(changes_in(stage.tables), std::vector<std::string>{"ann x.do stamps@3 by run r1"});
}

TEST(Recorded, ChangesComeInPages) {
  AccessStage stage;
  for (int i = 1; i <= 5; ++i)
    ASSERT_OK(stage.tables.add_change({.at = stage.clock.now(), .what = "x", .subject = std::to_string(i)}));
  const auto first = test::value_of(stage.tables.changes(INT64_MAX, 2));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].subject, "5");
  const auto next = test::value_of(stage.tables.changes(first[1].number, 2));
  ASSERT_EQ(next.size(), 2U);
  EXPECT_EQ(next[0].subject, "3");
}

}  // namespace
}  // namespace sluice::access

#include "sluice/domain/access/task_tokens.hpp"

#include "access_stage.hpp"

namespace sluice::access {
namespace {

const Principal principal{.workspace = "team", .name = "ann"};
const ports::TaskCaller task{
    .run = {"01abc"}, .path = "folds[3]/größe \"x\"", .attempt = 2, .fence = {"f00d"}};

TEST(TaskTokens, SayWhoseTheyAre) {
  const TaskTokens tokens("key");
  const auto token = tokens.token_of(task, principal);
  EXPECT_THAT(token, testing::MatchesRegex("sluicetask_[-_0-9A-Za-z]+\\.[0-9a-f]{64}"));
  const auto caller = tokens.caller_of(token);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->principal, principal);
  EXPECT_EQ(caller->role, ports::Role::read);
  EXPECT_EQ(caller->task, task);
}

TEST(TaskTokens, AreRefusedWhenAnythingIsChanged) {
  const TaskTokens tokens("key");
  const auto token = tokens.token_of(task, principal);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(tokens.caller_of(changed)) << i;
    EXPECT_FALSE(tokens.caller_of(token.substr(0, i))) << i;
  }
  EXPECT_FALSE(TaskTokens("other").caller_of(token));
  EXPECT_FALSE(tokens.caller_of(""));
  auto upper = token;
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'f' ? char(c - 32) : c; });
  EXPECT_FALSE(tokens.caller_of(upper));
  auto endless = task;
  endless.path = std::string(TaskTokens::bytes_max, 'x');
  EXPECT_FALSE(tokens.caller_of(tokens.token_of(endless, principal)));
}

TEST(TaskTokens, AreKnownToAccessAsLongAsTheirRunGoesOn) {
  AccessStage stage;
  const TaskTokens tokens("key");
  bool goes_on = true;
  const auto is_open = [&](const std::string& workspace, const RunId& run) {
    return goes_on && workspace == "team" && run == task.run;
  };
  const auto access = test::value_of(Access::open({.tokens = stage.tables,
                                                   .clock = stage.clock,
                                                   .random = stage.random,
                                                   .tasks = &tokens,
                                                   .goes_on = is_open},
                                                  std::nullopt));
  const auto caller = access->caller_of(tokens.token_of(task, principal));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->task, task);
  EXPECT_FALSE(access->refusal_of(*caller));
  EXPECT_FALSE(access->any());  // nobody else has a token because of it
  EXPECT_FALSE(stage.open()->caller_of(tokens.token_of(task, principal)));
  goes_on = false;
  const auto refusal = access->refusal_of(*caller);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, Code::permission_denied);
  EXPECT_THAT(refusal->message, testing::HasSubstr("the run 01abc of the task"));
  EXPECT_FALSE(access->refusal_of({.principal = principal}));
}

}  // namespace
}  // namespace sluice::access

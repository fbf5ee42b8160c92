// The images of containers, which a submission finds.
#include "result_assertions.hpp"
#include "runs_stage.hpp"

namespace sluice::test {
namespace {

constexpr auto plan = R"(
sluice: 1
pipelines:
  main:
    graph:
      a: {container: {image: "box:2"}, if: false}
      b: {container: {image: "box:1"}, if: false}
      c: {container: {image: "box:2"}, if: false}
)";

/// Finds what has been put into `there`; runs nothing.
class Registry final : public ports::Containers {
 public:
  Struct there;
  std::vector<std::string> asked;

  Result<std::string> resolve(const std::string& image) override {
    asked.push_back(image);
    if (const auto* found = there.find(image)) return *found->if_string();
    return Fail(user_error(Code::not_found, "podman cannot get the image `" + image + "`: no such host"));
  }
  Result<Command> command(const Container&) override { return nothing(); }
  Result<void> remove(const std::string&) override { return nothing(); }
  Result<void> remove_all(const std::string&) override { return nothing(); }
  [[nodiscard]] std::optional<std::string> problem(int, std::string_view) const override { return {}; }

 private:
  static std::unexpected<Error> nothing() {
    return Fail(internal_error(Code::internal, "no container is run here"));
  }
};

struct Images : testing::Test {
  RunsStage s;
  Registry registry;
  runs::Runs runs{{.control = s.server.driver(),
                   .journal = *s.stage.ledger,
                   .index = *s.stage.ledger,
                   .objects = *s.stage.objects,
                   .clock = s.stage.clock,
                   .random = s.random,
                   .containers = &registry},
                  {.frontends = {&s.stage.frontend}, .services = {}}};
};

TEST_F(Images, AreFoundOnceEachAndStayWithTheRun) {
  registry.there.set("box:1", "sha256:11");
  registry.there.set("box:2", "sha256:22");
  const auto run = value_of(runs.submit({.text = plan, .file = "plan.yaml"})).run;
  s.server.wait(run.text);
  EXPECT_EQ(registry.asked, (std::vector<std::string>{"box:1", "box:2"}));
  EXPECT_EQ(to_json(value_of(runs.report(run)).created.images),
            R"({"box:1":"sha256:11","box:2":"sha256:22"})");
}

TEST_F(Images, ThatAreNotThereAreRefusedWhereTheyAreNamedFirst) {
  registry.there.set("box:1", "sha256:11");
  EXPECT_EQ(message_of(runs.submit({.text = plan, .file = "plan.yaml"})),
            "plan.yaml:6:30: `image`: podman cannot get the image `box:2`: no such host");
  EXPECT_EQ(s.problem({.text = plan, .file = "plan.yaml"}), "plan.yaml:7:30: `image` is not supported here")
      << "without an engine";
  EXPECT_TRUE(
      value_of(runs.list({.workspace = "", .status = std::nullopt, .id_prefix = std::nullopt, .limit = 9}))
          .empty());
}

TEST_F(Images, AreNotTooMany) {
  std::string text = "sluice: 1\npipelines:\n  main:\n    graph:\n";
  for (int i = 0; i < 101; ++i)
    text += "      t" + std::to_string(i) + ": {container: {image: \"box:" + std::to_string(i) + "\"}}\n";
  EXPECT_EQ(message_of(runs.submit({.text = text, .file = "plan.yaml"})),
            "plan.yaml: the plan has 101 different images; at most 100 are supported");
  EXPECT_TRUE(registry.asked.empty());
}

}  // namespace
}  // namespace sluice::test

// The part of the cache key besides the work.
#include <unistd.h>

#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Environment : public Stage {
 protected:
  Value of(const ports::Attempt& attempt) { return test::value_of(executor().environment(attempt.work)); }
  void write_tool(const std::string& bytes) { ASSERT_OK(os::write_file(data() / "tool", bytes, 0755)); }
};

TEST_F(Environment, IsTheExecutableAndItsDigest) {
  const auto reported = of(attempt("f", {"sh", "-c", "true"}));
  const auto real = std::filesystem::canonical("/usr/bin/sh");
  EXPECT_EQ(reported.text_at("executable"), real.string());
  EXPECT_EQ(reported.text_at("digest"), Digest::of(*os::read_file(real)).hex());
  EXPECT_FALSE(reported.boolean_at("pinned", true));
  EXPECT_EQ(run(attempt("f", {"sh", "-c", "true"})).environment, reported);
}

TEST_F(Environment, ChangesWithTheProgram) {
  write_tool("#!/bin/sh\n");
  const auto before = of(attempt("f", {(data() / "tool").string()}));
  EXPECT_EQ(of(attempt("f", {(data() / "tool").string()})), before);
  write_tool("#!/bin/sh\n# other\n");
  EXPECT_NE(of(attempt("f", {(data() / "tool").string()})), before);
}

TEST_F(Environment, FollowsThePlansOwnPath) {
  write_tool("#!/bin/sh\n");
  auto what = attempt("f", {"tool"});
  EXPECT_FALSE(executor().environment(what.work));
  what.work.env.set("PATH", data().string());
  EXPECT_EQ(of(what).text_at("executable"), std::filesystem::canonical(data() / "tool").string());
}

TEST_F(Environment, OfWhatComesWithTheWorkIsInTheKeyAlready) {
  auto what = attempt("f", {"./run.sh"});
  what.work.code = folder({{"run.sh", "#!/bin/sh\n"}});
  EXPECT_EQ(to_json(of(what)), "{\"pinned\":false,\"executable\":\"./run.sh\"}");
  EXPECT_EQ(to_json(of(attempt("f", {file("#!/bin/sh\n")}))), "{\"pinned\":false,\"executable\":\"input\"}");
}

TEST_F(Environment, OfAMissingProgramIsAnError) {
  EXPECT_EQ(executor().environment(attempt("f", {"trian"}).work).error().code, Code::not_found);
  EXPECT_FALSE(executor().environment(attempt("f", {}).work));
  EXPECT_FALSE(executor().environment(attempt("f", {3}).work));
}

}  // namespace
}  // namespace sluice::executors

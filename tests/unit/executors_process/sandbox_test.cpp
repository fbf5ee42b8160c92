// The sandbox that a task starts in.
#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

using Sandbox = Stage;

TEST_F(Sandbox, HasTheStatedEnvironmentAndNothingInherited) {
  setenv("LEAKS", "1", 1);
  auto what = attempt("f", {"/bin/sh", "-c", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort"});
  what.path = "folds[3]/fit";
  what.work.env.set("PLAN", "two words");
  what.work.env.set("COUNT", 3);
  const auto root = (data() / "work" / "task-f").string();
  EXPECT_EQ(printed(what), "COUNT=3\nHOME=" + root +
                               "/home\nLANG=C.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/"
                               "sbin:/bin\nPLAN=two words\n"
                               "SLUICE_ATTEMPT=f\nSLUICE_PROGRESS=" +
                               root + "/progress\nSLUICE_RUN=run\nSLUICE_TASK=folds[3]/fit\nTMPDIR=" + root +
                               "/tmp\n");
}

TEST_F(Sandbox, ThePlanMayOverrideVariables) {
  ASSERT_OK(os::make_directories(data() / "tools"));
  ASSERT_OK(os::write_file(data() / "tools/tool", "#!/bin/sh\necho $LANG\n", 0755));
  auto what = attempt("f", {"tool"});
  what.work.env.set("LANG", "C");
  what.work.env.set("PATH", (data() / "tools").string());
  EXPECT_EQ(printed(what), "C\n");
}

TEST_F(Sandbox, ItsFoldersExistAndAreWritable) {
  EXPECT_EQ(
      printed(shell(
          "f",
          "ls -A; cd \"$HOME\" && touch a && cd \"$TMPDIR\" && touch b && mktemp > /dev/null && echo fine")),
      "fine\n");
}

TEST_F(Sandbox, TheCodeIsAWritableCopy) {
  auto what = shell("f", "cat sub/data; ./run.sh; echo changed > sub/data; echo more > new; cat sub/data");
  what.work.code = folder({{"run.sh", "#!/bin/sh\necho runs\n"}, {"sub/data", "kept\n"}});
  EXPECT_EQ(printed(what), "kept\nruns\nchanged\n");
  what.fence = {"g"};
  what.number = 2;
  EXPECT_EQ(printed(what), "kept\nruns\nchanged\n");
}

TEST_F(Sandbox, AProgramMayComeWithTheCode) {
  auto what = attempt("f", {"./bin/tool", "x"});
  what.work.code = folder({{"bin/tool", "#!/bin/sh\necho tool $1\n"}});
  EXPECT_EQ(printed(what), "tool x\n");
}

TEST_F(Sandbox, StandardInputIsEmpty) { EXPECT_EQ(printed(shell("f", "read line || echo none")), "none\n"); }

TEST_F(Sandbox, StandardOutputAndErrorAreInTheLogInOrder) {
  EXPECT_EQ(printed(shell("f", "echo a; echo b >&2; echo c")), "a\nb\nc\n");
  EXPECT_EQ(executor().log_of({"run"}, "folds[3]/fit", 2), data() / "logs/run/folds[3]%2Ffit.2.log");
}

TEST_F(Sandbox, OneThatPrintsNothingKeepsNoLog) {
  const auto quiet = attempt("f", {"true"});
  EXPECT_EQ(run(quiet).status, engine::Outcome::Status::succeeded);
  executor().acknowledge({"f"});
  EXPECT_FALSE(os::exists(executor().log_of(quiet.run, quiet.path, 1)));
  // Its empty log is reused, and nothing of it appears in the next one.
  for (const auto* fence : {"g", "h", "i"}) {
    auto loud = shell(fence, std::string("echo ") + fence);
    loud.path = fence;
    EXPECT_EQ(printed(loud), std::string(fence) + "\n");
    executor().acknowledge({fence});
  }
}

TEST_F(Sandbox, NamesOfAnyKindMakeFolders) {
  auto what = attempt("fence/with: all \xc3\xa4", {"echo", "x"});
  what.path = std::string(400, '/') + "..";
  EXPECT_EQ(printed(what), "x\n");
  auto other = what;
  other.fence = {".."};
  other.path = std::string(401, '/') + "..";
  EXPECT_NE(executor().log_of(other.run, other.path, 1), executor().log_of(what.run, what.path, 1));
  EXPECT_EQ(printed(other), "x\n");
}

TEST_F(Sandbox, UsageIsReported) {
  const auto outcome = run(shell("f", "head -c 50000000 /dev/zero | tail -c 50000000 > /dev/null"));
  EXPECT_GT(outcome.usage.memory_peak, 50'000'000);
  EXPECT_GT(outcome.usage.started, Time{});
  EXPECT_GE(outcome.usage.ended, outcome.usage.started);
}

}  // namespace
}  // namespace sluice::executors

// The messages for failed tasks.
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Failures : public Stage {
 protected:
  engine::Failure fault(const ports::Attempt& attempt, Outcome::Status status = Outcome::Status::failed) {
    const auto outcome = run(attempt);
    EXPECT_EQ(outcome.status, status);
    return outcome.failure;
  }
};

TEST_F(Failures, TheExitStatusIsReportedWithTheLastLines) {
  const auto failure = fault(shell("f", "echo one; echo two; echo 'what went wrong' >&2; exit 3"));
  EXPECT_EQ(failure.kind, "exit");
  EXPECT_EQ(failure.message, "exit status 3: what went wrong");
  EXPECT_EQ(failure.payload.text_at("log"), "one\ntwo\nwhat went wrong");
  EXPECT_EQ(failure.exit_code, 3);
  EXPECT_EQ(failure.signal, std::nullopt);
  EXPECT_EQ(fault(shell("g", "exit 4")).message, "exit status 4");
}

TEST_F(Failures, TheLastLinesAreFewAndUtf8) {
  const auto failure = fault(shell("f",
                                   "i=0; while [ $i -lt 1000 ]; do echo line number $i; i=$((i+1)); done; "
                                   "printf 'caf\\303\\251 \\377\\n'; exit 1"));
  const auto log = failure.payload.text_at("log");
  EXPECT_LE(log.size(), 2048U);
  EXPECT_TRUE(log.starts_with("line number ")) << log.substr(0, 40);
  EXPECT_TRUE(log.ends_with("line number 999\ncaf\xc3\xa9 \xef\xbf\xbd")) << log.substr(log.size() - 40);
  EXPECT_EQ(failure.message, "exit status 1: caf\xc3\xa9 \xef\xbf\xbd");
}

TEST_F(Failures, ASignalIsNamed) {
  EXPECT_EQ(fault(shell("f", "kill -s SEGV $$")).message, "ended by signal 11 (Segmentation fault)");
  const auto killed = fault(shell("g", "kill -s KILL $$"));
  EXPECT_EQ(killed.kind, "signal");
  EXPECT_EQ(killed.signal, 9);
  EXPECT_EQ(killed.exit_code, std::nullopt);
}

TEST_F(Failures, AMissingProgramIsReportedWithThePath) {
  const auto failure = fault(attempt("f", {"trian"}));
  EXPECT_EQ(failure.kind, "start");
  EXPECT_EQ(failure.message,
            "there is no program `trian` in "
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; write a program that comes "
            "with `code:` with its path, `./trian`");
  EXPECT_EQ(fault(attempt("g", {"/nothing/here"})).message, "there is no program `/nothing/here`");
  EXPECT_EQ(fault(attempt("h", {"./run.sh"})).message,
            "there is no program `./run.sh` below the folder that `code:` names");
}

TEST_F(Failures, WhatCannotBeExecutedIsExplained) {
  auto what = attempt("f", {"./data"});
  what.work.code = folder({{"data", "no program"}, {"lost.sh", "#!/nothing/sh\n"}, {"sub/x", ""}});
  EXPECT_EQ(fault(what).message,
            "`./data` is not executable; make it so (chmod +x), or write its interpreter before it");
  what = attempt("g", {"./lost.sh"});
  what.work.code = folder({{"lost.sh", "#!/nothing/sh\n"}});
  EXPECT_EQ(fault(what).message,
            "cannot execute the program: the interpreter that the first line of the script names does not "
            "exist");
  EXPECT_EQ(fault(attempt("h", {file("no program")})).message,
            "cannot execute the program: it is neither an executable for this machine nor a script whose "
            "first line names its interpreter (#!/bin/sh)");
  EXPECT_EQ(fault(attempt("i", {"/usr"})).message, "`/usr` is a folder, not a program");
}

TEST_F(Failures, ArgumentsThatAreTooLongAreRefused) {
  EXPECT_EQ(fault(attempt("f", {"true", std::string(200'000, 'x')})).message,
            "cannot execute the program: its arguments and environment are too long for this machine; pass "
            "large values as artifacts");
  EXPECT_EQ(fault(attempt("g", {"true", std::string(5'000'000, 'x')})).message,
            "the arguments and the environment take more than 4 MiB; pass large values as artifacts");
}

TEST_F(Failures, WhatCannotBePassedToAProgramIsRefused) {
  EXPECT_EQ(fault(attempt("f", {"echo", "a", std::string("x\0y", 3)})).message,
            "argument 2 contains a NUL character, which cannot be passed to a program");
  auto what = attempt("g", {"true"});
  what.work.env.set("NAME", std::string("x\0y", 3));
  EXPECT_EQ(fault(what).message,
            "the variable `NAME` contains a NUL character, which cannot be passed to a program");
  what = attempt("h", {"true"});
  what.work.env.set("SLUICE_RUN", "mine");
  EXPECT_EQ(fault(what).message,
            "`env` sets `SLUICE_RUN`; the name of a variable must not be empty, contain `=`, or begin with "
            "SLUICE_");
  EXPECT_EQ(fault(attempt("i", {List{}})).message, "the command has no program: every argument is absent");
}

TEST_F(Failures, ALogWithoutEndEndsTheTask) {
  const auto failure = fault(attempt("f", {"yes"}));
  EXPECT_EQ(failure.kind, "log_quota");
  EXPECT_EQ(failure.message, "printed more than 64 MiB and was killed; write large results to an output");
}

TEST_F(Failures, MoreMemoryThanItsLimitEndsTheTask) {
  auto what = shell("f", "echo begins; head -c 200M /dev/zero | tail -c 200M | sleep 600");
  what.work.resources.memory = 100'000'000;
  const auto failure = fault(what);
  EXPECT_EQ(failure.kind, "memory");
  EXPECT_EQ(failure.message,
            "used more than the 100 MB of its `resources.memory`, and its processes were killed; raise that "
            "limit, or have it use less");
  // If the kernel killed one of its processes, the shell may have said so.
  EXPECT_TRUE(failure.payload.text_at("log").starts_with("begins"));
}

TEST_F(Failures, HermeticIsRefused) {
  auto what = attempt("f", {"true"});
  what.work.hermetic = true;
  EXPECT_EQ(fault(what).message,
            "`hermetic: true` is not supported for process tasks: they see this machine's files and network; "
            "leave it out");
}

TEST_F(Failures, ASupervisorThatCannotStartIsReported) {
  open("/nothing/sluice-supervisor");
  EXPECT_EQ(fault(attempt("f", {"true"})).message,
            "cannot start /nothing/sluice-supervisor: No such file or directory");
  open("/bin/false");
  EXPECT_EQ(fault(attempt("g", {"true"})).message,
            "the supervisor cannot start: /bin/false ended with status 1");
}

}  // namespace
}  // namespace sluice::executors

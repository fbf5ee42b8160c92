// The supervisor dies at the worst moments: what was in flight to it, or requested from it, is not lost.
#include <set>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/executors/process/supervisor_link.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Link : public Stage {
 protected:
  [[nodiscard]] std::string mark(const std::string& name) const { return (data() / name).string(); }
  ports::Attempt long_one(const std::string& fence) {
    return shell(fence, "echo $$ >> " + mark("up") + "; exec sleep 600");
  }
  pid_t pid_of_it() {
    wait_until([&] { return os::read_file(data() / "up").value_or("").ends_with('\n'); });
    return std::stoi(*os::read_file(data() / "up"));
  }
  /// While it runs a task.
  pid_t stop_the_supervisor() {
    executor().start(long_one("f"));
    pid_of_it();
    const auto pid = supervisor_pid();
    kill(pid, SIGSTOP);
    return pid;
  }
  const SupervisorLink::Events ignored{.ended = [](const auto&) {},
                                       .mounts_refused = [](const auto&) {},
                                       .lost = [](const auto&, const auto&) {}};
  /// The number of bytes that this process has sent to the supervisor and that were not read yet.
  [[nodiscard]] int unread_bytes() const {
    int sum = 0;
    const auto open = os::list_directory("/proc/self/fd");
    for (const auto& entry : *open) {
      const int fd = std::stoi(entry.name);
      sockaddr_un peer{};
      socklen_t size = sizeof peer;
      int bytes = 0;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sun_family == AF_UNIX &&
          peer.sun_path == mark("supervisor.sock") && ioctl(fd, SIOCOUTQ, &bytes) == 0)
        sum += bytes;
    }
    return sum;
  }

  /// From now on no supervisor starts before `release`. Each request for one is counted meanwhile.
  void hold() {
    ASSERT_OK(os::write_file(data() / "hold", ""));
    ASSERT_OK(os::write_file(data() / "launch",
                             "#!/bin/sh\necho >> " + mark("requested") + "\nwhile test -e " + mark("hold") +
                                 "; do sleep 0.01; done\ntest -e " + mark("no_supervisor") + " || exec " +
                                 test::release_program("sluice-supervisor").string() + " \"$@\"\n",
                             0755));
    open(data() / "launch");
  }
  void wait_until_requested() {
    wait_until([&] { return os::exists(data() / "requested"); });
  }
  void release() { ASSERT_TRUE(os::remove_tree(data() / "hold")); }
  /// An executor after `hold`: its first supervisor has to be running already.
  pid_t running_and_held() {
    executor().start(long_one("f"));
    const auto task = pid_of_it();
    hold();
    executor().start(long_one("f"));
    // Reattached: only then does the death of the supervisor affect it.
    EXPECT_EQ(run(attempt("other", {"true"})).status, Outcome::Status::succeeded);
    return task;
  }
};

TEST_F(Link, ACancelIsSentToTheNextSupervisorToo) {
  EXPECT_EQ(run(attempt("first", {"true"})).status, Outcome::Status::succeeded);  // connected
  wait_until([&] { return unread_bytes() == 0; });
  const auto supervisor = supervisor_pid();
  kill(supervisor, SIGSTOP);
  executor().start(long_one("f"));
  wait_until([&] { return unread_bytes() > 0; });  // the Start
  const int start = unread_bytes();
  executor().cancel({"f"});
  wait_until([&] { return unread_bytes() > start; });
  kill(supervisor, SIGKILL);
  EXPECT_EQ(outcomes().of("f").status, Outcome::Status::cancelled);
}

// A restarted server knows from the journal that the attempt is to be cancelled, and cancels it while it is
// reattached.
TEST_F(Link, WhatIsReattachedAndCancelledIsEnded) {
  executor().start(long_one("f"));
  const auto task = pid_of_it();
  open();
  executor().start(long_one("f"));
  executor().cancel({"f"});
  EXPECT_EQ(outcomes().of("f").status, Outcome::Status::cancelled);
  EXPECT_FALSE(is_alive(task));
}

TEST_F(Link, ASecondSupervisorThatDiesAtOnceLosesNothing) {
  const auto task = running_and_held();
  ASSERT_OK(os::write_file(data() / "no_supervisor", ""));
  kill(supervisor_pid(), SIGKILL);
  wait_until_requested();
  {
    // The second one answers Hello, receives List, and is gone.
    auto listener = os::listen_unix(data() / "supervisor.sock", 0600);
    ASSERT_OK(listener);
    release();
    const os::UniqueFd peer(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    supervisor::FrameReader frames;
    for (bool requested = false; !requested;) {
      char buffer[4096];
      const auto n = recv(peer.get(), buffer, sizeof buffer, 0);
      ASSERT_GT(n, 0);
      frames.feed({buffer, static_cast<std::size_t>(n)});
      for (auto frame = frames.next(); frame && *frame; frame = frames.next()) {
        const auto request = supervisor::decode_request(**frame);
        if (std::holds_alternative<supervisor::Hello>(*request))
          ASSERT_OK(os::write_all(peer.get(), encode(supervisor::Response(supervisor::Welcome{}))));
        requested = requested || std::holds_alternative<supervisor::List>(*request);
      }
    }
    ASSERT_OK(os::remove_tree(data() / "no_supervisor"));
  }
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::lost);
  EXPECT_EQ(outcome.failure.message, "its supervisor died while it ran");
  EXPECT_FALSE(is_alive(task));
}

TEST_F(Link, MoreThanOneMessageHoldsIsAcknowledged) {
  EXPECT_EQ(run(attempt("f", {"true"})).status, Outcome::Status::succeeded);
  // The ends that are reported to a server that connects now.
  const auto ends_reported = [&](std::vector<std::string> to_acknowledge) {
    std::set<std::string> reported;  // on the link's thread, before `running` answers
    SupervisorLink link(data(), test::release_program("sluice-supervisor"),
                        {.ended = [&](const supervisor::Ended& ended) { reported.insert(ended.fence); },
                         .mounts_refused = [](const auto&) {},
                         .lost = [](const auto&, const auto&) {}});
    EXPECT_OK(link.running());
    link.acknowledge(std::move(to_acknowledge));
    wait_until([&] { return unread_bytes() == 0; });
    link.close();
    return reported;
  };
  std::vector<std::string> fences;
  for (int i = 0; i < 10'000; ++i) fences.push_back(std::string(490, 'x') + std::to_string(i));
  fences.emplace_back("f");
  EXPECT_EQ(ends_reported(std::move(fences)), std::set<std::string>{"f"});
  EXPECT_EQ(ends_reported({}), std::set<std::string>{});
}

TEST_F(Link, ASupervisorThatDoesNotRespondIsNotWaitedForForEver) {
  const auto pid = stop_the_supervisor();
  SupervisorLink link(data(), test::release_program("sluice-supervisor"), ignored, 5s);
  EXPECT_EQ(test::message_of(link.runs("f")), "no response from the supervisor");
  kill(pid, SIGCONT);
  EXPECT_TRUE(test::value_of(link.runs("f")));
  kill(pid, SIGSTOP);
  EXPECT_TRUE(test::value_of(link.runs("f"))) << "what it said is known";
  kill(pid, SIGCONT);
}

TEST_F(Link, ASupervisorThatDoesNotBecomeReadyIsEnded) {
  ASSERT_OK(os::write_file(data() / "launch",
                           "#!/bin/sh\necho $$ > " + mark("launched") + "\nexec sleep 600\n", 0755));
  SupervisorLink link(data(), data() / "launch", ignored, 1s);
  EXPECT_EQ(test::message_of(link.runs("f")),
            "the supervisor cannot start: " + mark("launch") + " has not become ready within 1 s");
  const auto pid = std::stoi(*os::read_file(data() / "launched"));
  EXPECT_FALSE(is_alive(pid));
}

TEST_F(Link, ALinkThatWaitsForASupervisorCanBeClosed) {
  const auto pid = stop_the_supervisor();
  SupervisorLink link(data(), test::release_program("sluice-supervisor"), ignored, 2min);
  std::thread asks([&] { EXPECT_FALSE(link.runs("f")); });
  wait_until([&] { return unread_bytes() > 0; });
  link.close();
  asks.join();
  kill(pid, SIGCONT);
}

TEST_F(Link, WhatTheNextSupervisorDoesNotKnowIsLost) {
  running_and_held();
  kill(supervisor_pid(), SIGKILL);
  wait_until_requested();
  ASSERT_OK(os::remove_tree(data() / "supervisor.log"));
  release();
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::lost);
  EXPECT_EQ(outcome.failure.message, "its supervisor died, and the next one has no record of it");
}

TEST_F(Link, ASupervisorThatCannotBeReplacedLosesWhatItRan) {
  running_and_held();
  ASSERT_OK(os::write_file(data() / "launch", "#!/bin/sh\necho no more of them\nexit 1\n", 0755));
  kill(supervisor_pid(), SIGKILL);
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::lost);
  EXPECT_EQ(
      outcome.failure.message,
      "its supervisor died, and no other could be started: the supervisor cannot start: no more of them");
}

}  // namespace
}  // namespace sluice::executors

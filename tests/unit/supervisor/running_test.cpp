// The environment of a task, and what is reported of it.
#include <algorithm>
#include <functional>

#include <fcntl.h>
#include <sys/resource.h>

#include "result_assertions.hpp"
#include "supervised.hpp"

namespace sluice::supervisor {
namespace {

using Running = Supervised;
INSTANTIATE_TEST_SUITE_P(Trees, Running, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "ByCgroup" : "ByProc"; });

TEST_P(Running, TheEndReportsStatusTimesAndMemory) {
  const auto ended = run(shell("f", "exit 3"));
  EXPECT_EQ(ended.kind, EndKind::exited);
  EXPECT_EQ(ended.status, 3);
  EXPECT_EQ(ended.number, 1U);
  EXPECT_FALSE(ended.cancelled);
  EXPECT_GT(ended.started_ms, 1'700'000'000'000);
  EXPECT_GE(ended.ended_ms, ended.started_ms);
  EXPECT_GT(ended.memory_peak, 0);
  EXPECT_EQ(run(shell("g", "kill -s SEGV $$")).kind, EndKind::signalled);
}

TEST_P(Running, MemoryIsThatOfTheLargestOrOfTheTree) {
  const auto ended = run(shell("f", "head -c 50000000 /dev/zero | tail -c 50000000 > /dev/null"));
  EXPECT_GT(ended.memory_peak, 50'000'000);
}

TEST_P(Running, ATaskGetsItsEnvironmentAndNothingElse) {
  const auto ended = run(shell(
      "f",
      "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort; pwd; read line || echo no input; "
      "umask; ulimit -n; ps -o sid= $$ | grep -q $$ && echo leads; echo err >&2; exec ls /proc/self/fd"));
  EXPECT_EQ(ended.status, 0);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  EXPECT_EQ(text_of("f.log"), "PATH=/bin:/usr/bin\nSLUICE_ATTEMPT=f\n" +
                                  std::filesystem::canonical(data()).string() + "\nno input\n0022\n" +
                                  std::to_string(files.rlim_cur) +
                                  "\nleads\nerr\n0\n1\n2\n3\n");  // 3: the folder that ls reads
}

TEST_P(Running, TheMarkerIsAddedWhereItIsMissing) {
  auto start = shell("f", "echo $SLUICE_ATTEMPT");
  start.env = {"A=1"};
  EXPECT_EQ(run(start).status, 0);
  EXPECT_EQ(text_of("f.log"), "f\n");
}

TEST_P(Running, AFailureToStartIsReportedExactly) {
  auto start = shell("program", "");
  start.program = "/nothing/here";
  auto ended = run(start);
  EXPECT_EQ(ended.kind, EndKind::not_started);
  EXPECT_EQ(ended.step, Step::execute);
  EXPECT_EQ(ended.status, ENOENT);

  start = shell("folder", "");
  start.cwd = "/nothing";
  ended = run(start);
  EXPECT_EQ(ended.step, Step::directory);
  EXPECT_EQ(ended.status, ENOENT);

  start = shell("log", "");
  start.log = "/nothing/log";
  ended = run(start);
  EXPECT_EQ(ended.step, Step::log);
  EXPECT_EQ(ended.status, ENOENT);

  start = shell("data", "");
  ASSERT_OK(os::write_file(at("data"), "no program", 0755));
  start.program = at("data").string();
  ended = run(start);
  EXPECT_EQ(ended.step, Step::execute);
  EXPECT_EQ(ended.status, ENOEXEC);

  start = shell("long", std::string(200'000, ' '));
  ended = run(start);
  EXPECT_EQ(ended.step, Step::execute);
  EXPECT_EQ(ended.status, E2BIG);
}

TEST_P(Running, AFenceRunsOnce) {
  const auto start = shell("f", "echo ran; exit 4");
  EXPECT_EQ(run(start).status, 4);
  const auto again = run(start);
  EXPECT_EQ(again.status, 4);
  EXPECT_EQ(again.number, 1U);
  Client client(data());
  client.send(Acknowledge{.fences = {"f"}});
  client.send(start);
  EXPECT_EQ(client.next<Ended>().kind, EndKind::forgotten);
  EXPECT_EQ(text_of("f.log"), "ran\n");
}

TEST_P(Running, ARunningAttemptIsReattachedByItsFence) {
  Client client(data());
  const auto start = shell("f", "echo $$ > pid; sleep 60");
  client.send(start);
  const auto started = client.next<Started>();
  client.send(start);
  EXPECT_EQ(client.next<Started>().pid, started.pid);
  EXPECT_EQ(pid_in("pid"), static_cast<pid_t>(started.pid));
}

TEST_P(Running, AServerThatReconnectsGetsTheEndsThatItMissed) {
  {
    Client client(data());
    client.send(shell("short", "exit 1"));
    client.next<Started>();
    client.send(shell("long", "while ! test -e go; do sleep 0.01; done; exit 2"));
    client.next<Started>();
  }
  Client client(data());
  for (;;) {
    client.send(List{});
    auto response = client.next_answer();
    if (response && std::holds_alternative<Ended>(*response)) {
      EXPECT_EQ(std::get<Ended>(*response).fence, "short");
      EXPECT_EQ(client.next<Holding>(), (Holding{.running = {"long"}, .last = 1}));
      break;
    }
  }
  client.send(List{.since = 1, .follow = true});
  EXPECT_EQ(client.next<Holding>().running, std::vector<std::string>{"long"});
  ASSERT_OK(os::write_file(at("go"), ""));
  const auto ended = client.next<Ended>();
  EXPECT_EQ(ended.fence, "long");
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.number, 2U);
}

// The server dies with a Start in flight. The next one learns that the fence is not running, and prepares its
// sandbox: a Start carried out then would find half of a sandbox.
TEST_P(Running, ADeadServersStartIsNotCarriedOutAfterTheNextConnects) {
  auto dying = std::make_unique<Client>(data());
  dying->send(List{.follow = true});
  dying->next<Holding>();
  const auto supervisor = static_cast<pid_t>(dying->welcome.pid);
  kill(supervisor, SIGSTOP);
  // More than the supervisor reads in two turns, so that it reads from the next server before the last of
  // this.
  for (int i = 0; i < 3; ++i)
    dying->send(Acknowledge{.fences = std::vector<std::string>(500, std::string(100, 'x'))});
  dying->send(shell("late", "echo ran"));
  dying.reset();
  Client next(data(), Client::Greeting::unanswered);
  next.send(List{.follow = true});
  kill(supervisor, SIGCONT);
  next.next<Welcome>();
  bool runs = false;
  for (auto response = next.next_answer(); response; response = next.next_answer()) {
    const auto* holding = std::get_if<Holding>(&*response);
    if (holding == nullptr) continue;
    runs = std::ranges::find(holding->running, "late") != holding->running.end();
    break;
  }
  // Once it responds again, it has handled everything before.
  if (!runs) {
    for (int i = 0; i < 10; ++i) {
      next.send(List{});
      while (!std::holds_alternative<Holding>(*next.next_answer())) {
      }
    }
    EXPECT_EQ(os::read_file(at("late.log")).value_or("(none)"), "(none)");
  }
}

TEST_P(Running, AHundredAtOnceAllEnd) {
  Client client(data());
  client.send(List{.follow = true});
  client.next<Holding>();
  for (int i = 0; i < 100; ++i) client.send(shell("f" + std::to_string(i), "exit " + std::to_string(i)));
  int started = 0;
  std::map<std::string, int> status;
  while (started < 100 || status.size() < 100) {
    const auto response = client.next_answer();
    ASSERT_TRUE(response);
    if (std::holds_alternative<Started>(*response)) ++started;
    if (const auto* ended = std::get_if<Ended>(&*response)) status[ended->fence] = ended->status;
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(status["f" + std::to_string(i)], i);
}

TEST_P(Running, MountsAreReadOnlyAndSeenByTheTaskAlone) {
  ASSERT_OK(os::make_directories(at("source")));
  ASSERT_OK(os::write_file(at("source/file"), "kept"));
  ASSERT_OK(os::make_directories(at("target")));
  auto start = shell(
      "f", "cat target/file; echo changed > target/file; rm -f target/file; touch target/new; ls target");
  start.mounts = {{.source = at("source").string(), .target = at("target").string()}};
  Client client(data());
  client.send(List{.follow = true});
  client.next<Holding>();
  client.send(start);
  auto response = client.next_answer();
  while (response && std::holds_alternative<Started>(*response)) response = client.next_answer();
  EXPECT_EQ(text_of("source/file"), "kept");
  EXPECT_FALSE(os::exists(at("target/file")));
  // If the kernel permits no mounts (the test then runs without the privilege), the response says so, and
  // nothing has run.
  if (std::holds_alternative<MountsRefused>(*response)) {
    EXPECT_NE(std::get<MountsRefused>(*response).error, 0U);
    EXPECT_EQ(os::read_file(at("f.log")).value_or(""), "");
    return;
  }
  EXPECT_TRUE(text_of("f.log").starts_with("kept")) << text_of("f.log");
  EXPECT_NE(text_of("f.log").find("Read-only file system"), std::string::npos);
  EXPECT_TRUE(text_of("f.log").ends_with("\nfile\n")) << text_of("f.log");
}

TEST_P(Running, AFenceWithRefusedMountsMayBeStartedAgain) {
  auto start = shell("f", "echo ran");
  start.mounts = {{.source = "/nothing", .target = data().string()}};
  Client client(data());
  client.send(start);
  for (auto response = client.next_answer(); !std::holds_alternative<MountsRefused>(*response);
       response = client.next_answer())
    ASSERT_TRUE(std::holds_alternative<Started>(*response));
  EXPECT_EQ(text_of("f.log"), "");
  client.send(List{});
  EXPECT_EQ(client.next<Holding>(), Holding{});  // it is neither running nor has it ended
  start.mounts.clear();
  EXPECT_EQ(run(start).status, 0);
  EXPECT_EQ(text_of("f.log"), "ran\n");
}

TEST_P(Running, TheSocketIsForItsUserAlone) {
  struct stat info{};
  ASSERT_EQ(stat(at("supervisor.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(stat(at("supervisor.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_P(Running, ItShowsWhetherItUsesCgroups) {
  const Client client(data());
  EXPECT_TRUE(GetParam() || !client.welcome.cgroups);
}

// The pipes of the process that started it, for example, would otherwise stay open as long as it runs.
TEST_P(Running, ItKeepsNoDescriptorOfItsStarter) {
  const Client client(data());
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(client.welcome.pid) + "/fd")) {
    std::error_code gone;
    EXPECT_FALSE(std::filesystem::read_symlink(entry, gone).string().starts_with("pipe:")) << entry.path();
  }
}

TEST_P(Running, ItBlocksOnlyTheSignalsThatItReads) {
  const Client client(data());
  const auto blocked = [](const std::string& pid) {
    const auto status =
        os::read_all(test::value_of(os::open_file("/proc/" + pid + "/status", O_RDONLY)).get());
    return std::stoull(status->substr(status->find("SigBlk:") + 7), nullptr, 16);
  };
  constexpr auto bit = [](int number) { return 1ULL << (number - 1); };
  EXPECT_EQ(blocked(std::to_string(client.welcome.pid)), blocked("self") | bit(SIGCHLD) | bit(SIGTERM));
}

TEST_P(Running, StartsThatNoServerSendsEndTheConnection) {
  using namespace std::string_literals;
  const auto nul = "a\0b"s;
  const std::vector<std::pair<std::string, std::function<void(Start&)>>> defects{
      {"no fence", [](Start& start) { start.fence = ""; }},
      {"a long fence", [](Start& start) { start.fence = std::string(fence_bytes_max + 1, 'f'); }},
      {"fence", [&](Start& start) { start.fence = nul; }},
      {"program", [&](Start& start) { start.program = nul; }},
      {"no argument", [](Start& start) { start.argv.clear(); }},
      {"argument", [&](Start& start) { start.argv.push_back(nul); }},
      {"environment", [&](Start& start) { start.env.push_back(nul); }},
      {"folder", [&](Start& start) { start.cwd = nul; }},
      {"log", [&](Start& start) { start.log = nul; }},
      {"many mounts",
       [](Start& start) { start.mounts.resize(mounts_max + 1, {.source = "/a", .target = "/b"}); }},
      {"source", [&](Start& start) { start.mounts = {{.source = nul, .target = "/b"}}; }},
      {"target", [&](Start& start) { start.mounts = {{.source = "/a", .target = nul}}; }}};
  for (const auto& [name, spoil] : defects) {
    auto start = shell("f", "exit 0");
    spoil(start);
    Client client(data());
    client.send(start);
    EXPECT_EQ(client.next_answer(), std::nullopt) << name;
  }
  auto start = shell(std::string(fence_bytes_max, 'f'), "exit 7");
  start.log = at("log").string();
  EXPECT_EQ(run(start).status, 7);
  start.fence = "many";
  start.mounts.resize(mounts_max, {.source = "/nothing", .target = "/nothing"});
  Client client(data());
  client.send(start);
  EXPECT_NE(client.next_answer(), std::nullopt);
}

TEST_P(Running, MalformedMessagesEndTheConnectionAndNothingElse) {
  for (const auto& bytes : {std::string("\xff\xff\xff\xff", 4), std::string("\x01\0\0\0\x7f", 5),
                            encode(Request(Start{.fence = "f"}))}) {
    Client client(data());
    client.send_bytes(bytes);
    EXPECT_EQ(client.next_answer(), std::nullopt);
  }
  EXPECT_EQ(run(shell("f", "exit 0")).status, 0);
}

}  // namespace
}  // namespace sluice::supervisor

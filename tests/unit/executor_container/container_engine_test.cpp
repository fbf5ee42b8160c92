// What an engine is asked, and what is made of its answers. Engines that hang, or print without end, are
// scripts here; the tests with a real one are tests/system/test_containers.py.
#include "sluice/executors/container/container_engine.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using namespace std::chrono_literals;
using Container = ports::Containers::Container;

constexpr auto digest = "sha256:856412a387165033a4d881d2fc147c2c7facbf6b4effdc67500b3ca56c527791";

class ContainerEngineTest : public testing::Test {
 protected:
  /// An engine that is a script; `$1` is its first option or command.
  ContainerEngine engine(const std::string& script, const std::string& name = "podman",
                         std::chrono::milliseconds limit = 120s) {
    const auto path = folder_->path() / name;
    EXPECT_OK(os::write_file(path, "#!/bin/sh\n" + script));
    EXPECT_OK(os::set_mode(path, 0755));
    return ContainerEngine(
        {.engine = {path.string()}, .run_options = {}, .environment = {"PATH=/usr/bin:/bin"}},
        {.command = limit, .pull = limit});
  }
  static ContainerEngine of(const std::vector<const char*>& environment) {
    auto ended = environment;
    ended.push_back(nullptr);
    return ContainerEngine(ContainerEngine::settings_of(ended.data()));
  }
  static bool has(const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  }

  Result<os::TemporaryDirectory> folder_ = os::TemporaryDirectory::make_in_tmp("container-engine-");
};

TEST_F(ContainerEngineTest, TheCommandIsOneArgumentForEachThingThatAPlanSays) {
  auto engine = of({"SLUICE_CONTAINER_ENGINE=/opt/podman  --root /x",
                    "SLUICE_CONTAINER_RUN_OPTIONS=--network none ", "HOME=/root", "SECRET_OF_THE_SERVER=x"});
  const auto made = engine.command({.fence = "0123abc",
                                    .task = "run/path",
                                    .image = digest,
                                    .command = {"-x", "a b"},
                                    .args = {"--privileged"},
                                    .env = {"A=1 2"},
                                    .secrets = {"TOKEN=hidden"},
                                    .cwd = "/sluice/cwd",
                                    .mounts = {{.source = "/d/w", .target = "/sluice", .writable = true},
                                               {.source = "/d/i", .target = "/sluice/in"}},
                                    .memory_max = 1000,
                                    .cpu_max = 1500});
  ASSERT_OK(made);
  EXPECT_EQ(made->program, "/opt/podman");
  EXPECT_EQ(made->argv,
            (std::vector<std::string>{
                "/opt/podman",
                "--root",
                "/x",
                "run",
                "--rm",
                "--pull=never",
                "--log-driver=none",
                "--security-opt=no-new-privileges",
                "--name=sluice-0123abc",
                "--label=sluice.task=" + made->argv[9].substr(std::string("--label=sluice.task=").size()),
                "--workdir=/sluice/cwd",
                "--mount=type=bind,source=/d/w,target=/sluice",
                "--mount=type=bind,source=/d/i,target=/sluice/in,readonly",
                "--memory=1000b",
                "--cpus=1.500",
                "--env=A=1 2",
                "--env=TOKEN",
                "--entrypoint=-x",
                "--network",
                "none",
                digest,
                "a b",
                "--privileged"}));
  EXPECT_EQ(made->env, (std::vector<std::string>{"HOME=/root", "TOKEN=hidden"}));
}

TEST_F(ContainerEngineTest, AFenceThatIsNoNameAndAPathThatIsNoFieldOfAMount) {
  auto engine = of({"SLUICE_CONTAINER_ENGINE=/opt/podman"});
  const auto odd = engine.command({.fence = "a/b c", .task = "t", .image = digest, .cwd = "/"});
  ASSERT_OK(odd);
  const auto name =
      *std::ranges::find_if(odd->argv, [](const auto& word) { return word.starts_with("--name="); });
  EXPECT_EQ(name.size(), std::string("--name=sluice-").size() + 64);
  const auto comma = engine.command({.fence = "f",
                                     .task = "t",
                                     .image = digest,
                                     .cwd = "/",
                                     .mounts = {{.source = "/d,readonly=false", .target = "/x"}}});
  ASSERT_FALSE(comma);
  EXPECT_EQ(comma.error().message,
            "`/d,readonly=false` cannot be mounted in a container, because of a comma, quote or newline in "
            "its path; use "
            "another data folder");
}

TEST_F(ContainerEngineTest, WithoutAnEngineItSaysHowToGetOne) {
  auto none = of({"PATH=/nothing"});
  EXPECT_EQ(none.resolve("box").error().message,
            "there is no container engine on this machine; install podman (Debian: apt-get install podman) "
            "or docker");
  EXPECT_EQ(none.resolve("box").error().code, Code::failed_precondition);
  EXPECT_EQ(of({"PATH=/nothing", "SLUICE_CONTAINER_ENGINE=podmann"}).version().error().message,
            "there is no program `podmann`, which SLUICE_CONTAINER_ENGINE names, in PATH=/nothing; install "
            "podman (Debian: "
            "apt-get install podman) or docker");
  EXPECT_TRUE(of({"SLUICE_CONTAINER_ENGINE=/nothing/podman"})
                  .version()
                  .error()
                  .message.starts_with("the container engine cannot be started: "));
}

TEST_F(ContainerEngineTest, AnImageThatIsThereIsNotPulled) {
  const auto there =
      engine(R"(test "$1" = image || exit 9; printf '[{"Id": "%s"}]' )" + std::string(digest).substr(7));
  EXPECT_EQ(*ContainerEngine(there).resolve("box"), digest);
  // docker says the algorithm too.
  EXPECT_EQ(*engine(R"(test "$1" = image || exit 9; printf '[{"Id": "%s"}]' )" + std::string(digest))
                 .resolve("box"),
            digest);
  EXPECT_EQ(engine("echo '[{\"Id\": \"--privileged\"}]'").resolve("box").error().message,
            "podman does not say what the image `box` is");
  EXPECT_EQ(engine("echo no JSON").resolve("box").error().message,
            "podman does not say what the image `box` is");
}

TEST_F(ContainerEngineTest, AnImageThatIsNotThereIsPulledOnce) {
  const auto script = [](const std::string& pull) {
    return R"(case $1 in
pull) )" + pull +
           R"( ;;
image) test -e "$0.got" && exec printf '[{"Id": "%s"}]' )" +
           std::string(digest).substr(7) + R"(
  echo "Error: inspecting object: $3: image not known" >&2; exit 125 ;;
esac
)";
  };
  EXPECT_EQ(engine(script("echo 'Trying to pull' >&2; echo 'Error: no such host' >&2; exit 125"))
                .resolve("box")
                .error()
                .message,
            "podman cannot get the image `box`: no such host");
  EXPECT_EQ(engine(script("sleep 600"), "podman", 1s).resolve("box").error().message,
            "podman cannot get the image `box`: it has not ended within 1 s");
  EXPECT_EQ(engine(script("true")).resolve("box").error().message,
            "podman got the image `box`, and does not find it");
  EXPECT_EQ(*engine(script("touch \"$0.got\"")).resolve("box"), digest);
}

TEST_F(ContainerEngineTest, AnEngineThatDoesNotWork) {
  EXPECT_EQ(engine("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "docker")
                .resolve("box")
                .error()
                .message,
            "docker does not work: Cannot connect to the Docker daemon");
  EXPECT_EQ(engine("yes", "podman", 1s).version().error().message,
            "podman does not work: it has not ended within 1 s");
  EXPECT_EQ(engine("kill -9 $$").version().error().message, "podman does not work: it was ended by signal 9");
  EXPECT_EQ(engine("exit 4").version().error().message, "podman does not work: exit status 4");
  EXPECT_EQ(*engine("echo 4.3.1").version(), "podman 4.3.1");
}

TEST_F(ContainerEngineTest, RemovingIsTriedAgain) {
  const auto count = folder_->path() / "count";
  const auto failing = [&](int times) {
    return "test $1 = rm || exit 0; echo >> " + count.string() + "; test $(wc -l < " + count.string() +
           ") -gt " + std::to_string(times) + " || { echo 'Error: not yet' >&2; exit 2; }";
  };
  EXPECT_OK(engine(failing(2)).remove("f"));
  EXPECT_OK(os::remove_tree(count));
  // There is none, whatever the engine says.
  EXPECT_OK(engine(failing(9)).remove("f"));
  EXPECT_OK(os::remove_tree(count));
  EXPECT_EQ(engine("test $1 = ps && exec echo abc; " + failing(9)).remove("f").error().message,
            "podman cannot remove a container: not yet");
}

TEST_F(ContainerEngineTest, RemovesWhatAnEarlierAttemptLeft) {
  const auto asked = folder_->path() / "asked";
  auto engine_with_two =
      engine("echo \"$@\" >> " + asked.string() + "; test $1 = ps && printf 'abc\\ndef\\n'; true");
  EXPECT_OK(engine_with_two.remove_all("run/path"));
  const auto words = os::read_file(asked);
  EXPECT_TRUE(words->starts_with("ps --all --quiet --filter label=sluice.task=")) << *words;
  EXPECT_TRUE(words->ends_with("\nrm --force --volumes --time 0 abc def\n")) << *words;
  EXPECT_FALSE(engine("test $1 = ps && exit 125").remove_all("run/path"));
}

TEST_F(ContainerEngineTest, WhatAnEngineSaysInsteadOfTheProgram) {
  const auto podman = of({});
  EXPECT_EQ(podman.problem(1, "Error: mine"), std::nullopt);
  EXPECT_EQ(podman.problem(127, "sh: x: not found"), std::nullopt);
  EXPECT_EQ(podman.problem(127, "Error: of the program\nsh: x: not found"), std::nullopt);
  EXPECT_EQ(podman.problem(125, ""), std::nullopt);
  EXPECT_EQ(podman.problem(127, "earlier\nError: runc: exec: \"x\": executable file not found in $PATH"),
            "the image does not have the program: runc: exec: \"x\": executable file not found in $PATH");
  EXPECT_EQ(podman.problem(
                126, "docker: Error response from daemon: permission denied.\nSee 'docker run --help'.\n"),
            "the image cannot execute the program: Error response from daemon: permission denied.");
  EXPECT_EQ(podman.problem(125, "Error: unknown flag: --x\nSee 'podman run --help'"),
            "the container engine did not run it: unknown flag: --x");
  EXPECT_EQ(podman.problem(125, "Error: sha256:00: image not known"),
            "its image is not on this machine any more; submit the run again, which gets it: sha256:00: "
            "image not known");
}

}  // namespace
}  // namespace sluice::executors

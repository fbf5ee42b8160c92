#include "sluice/frontends/kubeflow/commands.hpp"

#include <gtest/gtest.h>

namespace sluice::frontends::kubeflow {
namespace {

using Words = std::vector<std::string>;

const std::string get_pip =
    "\nif ! [ -x \"$(command -v pip)\" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user || "
    "apt-get "
    "install python3-pip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 ";
const std::string run_rest = " && \"$0\" \"$@\"\n";
const std::string execute =
    "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > "
    "\"$program_path/ephemeral_component.py\"\n_KFP_RUNTIME=true "
    "python3 -m kfp.dsl.executor_main                         --component_module_path                        "
    " "
    "\"$program_path/ephemeral_component.py\"                         \"$@\"\n";

std::optional<Installation> installed_by(const std::string& pip, const std::string& rest = execute) {
  std::vector<Text> command;
  for (const auto& word : Words{"sh", "-c", get_pip + pip + run_rest, "sh", "-ec", rest, "def f(): ..."})
    command.push_back({.text = word, .at = {}});
  return installation_of(command);
}

TEST(Commands, OfKfp2_17) {
  const auto found = installed_by(
      "python3 -m pip install --quiet --no-warn-script-location 'kfp==2.17.0' '--no-deps' "
      "'typing-extensions>=3.7.4,<5; "
      "python_version<\"3.9\"'");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->words, 3U);
  EXPECT_EQ(found->requirements, Words{});
  EXPECT_EQ(found->without_dependencies,
            (Words{"kfp==2.17.0", "typing-extensions>=3.7.4,<5; python_version<\"3.9\""}));
}

TEST(Commands, OfKfp2_17WithPackages) {
  const auto found = installed_by(
      "python3 -m pip install --quiet --no-warn-script-location 'pandas==2.*' 'numpy>=1,<3'  &&  python3 -m "
      "pip install --quiet "
      "--no-warn-script-location 'kfp==2.17.0' '--no-deps' 'typing-extensions>=3.7.4,<5; "
      "python_version<\"3.9\"'");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->requirements, (Words{"pandas==2.*", "numpy>=1,<3"}));
  EXPECT_EQ(found->without_dependencies.front(), "kfp==2.17.0");
}

TEST(Commands, WithAnEnvironmentOfTheirOwn) {
  const auto found = installed_by(
      "python3 -m pip install --quiet --no-warn-script-location 'six'  &&  \nexport "
      "PIP_DISABLE_PIP_VERSION_CHECK=1\ntmp=$(mktemp "
      "-d)\npython3 -m venv \"$tmp/venv\" --system-site-packages\n. \"$tmp/venv/bin/activate\"\n python3 -m "
      "pip install --quiet "
      "--no-warn-script-location 'kfp==2.14.6' '--no-deps' 'typing-extensions>=3.7.4,<5; "
      "python_version<\"3.9\"'");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->requirements, Words{"six"});
}

// Up to 2.0, kfp was installed with all that its compiler needs.
TEST(Commands, OfKfp2_0) {
  const auto found = installed_by(
      "python3 -m pip install --quiet     --no-warn-script-location 'kfp==2.0.1' && python3 -m pip install "
      "--quiet     "
      "--no-warn-script-location 'six'");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->requirements, Words{"six"});
  EXPECT_EQ(found->without_dependencies, Words{"kfp==2.0.1"});
}

// What runs then is not known to do without them.
TEST(Commands, KeepWhatAnotherProgramNeeds) {
  const auto found = installed_by("python3 -m pip install --quiet --no-warn-script-location 'kfp==2.0.1'",
                                  "python3 train.py\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->requirements, Words{"kfp==2.0.1"});
}

TEST(Commands, WithIndexes) {
  const auto found = installed_by(
      "python3 -m pip install --quiet --no-warn-script-location --index-url https://a.example/simple "
      "--extra-index-url "
      "https://b.example/simple --trusted-host https://a.example/simple 'six'");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->indexes, (Words{"-i https://a.example/simple", "--extra-index-url https://b.example/simple"}));
  EXPECT_EQ(found->requirements, Words{"six"});
}

TEST(Commands, ThatAnythingWasChangedInAreNotReduced) {
  for (const std::string pip :
       {"python3 -m pip install --quiet -r requirements.txt", "python3 -m pip install 'six' ; rm -rf /",
        "python3 -m pip install '--target' x 'six'", "pip install six", "python3 -m pip install \"$X\"",
        "python3 -m pip install --quiet", "python3 -m pip install './local'", "python3 -m pip install 'open"})
    EXPECT_FALSE(installed_by(pip)) << pip;
  EXPECT_FALSE(installation_of({}));
  EXPECT_FALSE(
      installation_of({{.text = "sh", .at = {}}, {.text = "-c", .at = {}}, {.text = "true", .at = {}}}));
}

TEST(Images, OfPython) {
  for (const std::string image : {"python:3.11", "python", "docker.io/library/python:3.9-slim",
                                  "docker.io/python:3.12", "python@sha256:0123"})
    EXPECT_TRUE(is_python_image(image, {})) << image;
  for (const std::string image : {"ghcr.io/python:3.11", "pythonic:1", "team/python:3", ""})
    EXPECT_FALSE(is_python_image(image, {})) << image;
  EXPECT_TRUE(is_python_image("ghcr.io/team/train:1", {"ghcr.io/*"}));
  EXPECT_TRUE(is_python_image("a/b/c:1", {"*b*:1"}));
  EXPECT_FALSE(is_python_image("a/b/c:2", {"*b*:1"}));
}

TEST(Images, SayWhichPython) {
  EXPECT_EQ(python_version_of("python:3.11"), "3.11");
  EXPECT_EQ(python_version_of("docker.io/library/python:3.9.7-slim"), "3.9");
  EXPECT_EQ(python_version_of("python:3"), "");
  EXPECT_EQ(python_version_of("python:latest"), "");
  EXPECT_EQ(python_version_of("python"), "");
  EXPECT_EQ(python_version_of("registry:5000/python"), "");
}

}  // namespace
}  // namespace sluice::frontends::kubeflow

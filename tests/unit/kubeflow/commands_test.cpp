#include "sluice/frontends/kubeflow/commands.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include "../../golden_case.hpp"
#include "../../result_assertions.hpp"
#include "sluice/base/json.hpp"

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

struct Command {
  std::string version;
  std::string kind;
  std::vector<Text> words;
};

/// What the releases themselves wrote (`./dev record kubeflow_commands`).
std::vector<Command> recorded() {
  std::vector<Command> all;
  for (const auto& file :
       std::filesystem::directory_iterator(test::golden_folder() / "recorded/kubeflow_commands")) {
    std::ifstream in(file.path());
    const auto commands =
        test::value_of(parse_json(std::string{std::istreambuf_iterator<char>(in), {}}, "file"));
    for (const auto& [kind, words] : *commands.if_struct()) {
      Command command{.version = file.path().stem().string(), .kind = kind, .words = {}};
      for (const auto& word : *words.if_list())
        command.words.push_back({.text = *word.if_string(), .at = {}});
      all.push_back(std::move(command));
    }
  }
  return all;
}

struct Expected {
  Words requirements;
  Words without_dependencies;
  Words indexes = {};
};

Expected expected_of(const std::string& version, const std::string& kind) {
  const std::string kfp = "kfp==" + version;
  const std::string extensions = "typing-extensions>=3.7.4,<5; python_version<\"3.9\"";
  std::map<std::string, Words> given{
      {"plain", {}}, {"packages", {"six==1.16.0", "iniconfig"}}, {"kfp_of_the_user", {"kfp==2.5.0", "six"}}};
  const auto found = given.find(kind);
  auto packages = found == given.end() ? Words{"six"} : found->second;
  Words indexes;
  if (kind == "indexes") indexes = {"https://a.example/simple", "https://b.example/simple"};
  if (kind == "trusted_hosts") indexes = {"https://a.example/simple"};
  // It did not know which of its packages a component needs: all of them. With those of the user, in one
  // command.
  if (version == "2.0.1") {
    packages.push_back(kfp);
    return {.requirements = packages, .without_dependencies = {}, .indexes = indexes};
  }
  if (kind == "kfp_of_the_user") return {.requirements = packages, .without_dependencies = {}};
  // `--no-deps` in one command holds for all that it installs.
  if (version == "2.1.3") {
    packages.insert(packages.end(), {kfp, extensions});
    return {.requirements = {}, .without_dependencies = packages, .indexes = indexes};
  }
  return {.requirements = packages, .without_dependencies = {kfp, extensions}, .indexes = indexes};
}

TEST(Commands, OfKfp2_0To2_17) {
  std::set<std::string> versions;
  for (const auto& [version, kind, words] : recorded()) {
    SCOPED_TRACE(version + ", " + kind);
    versions.insert(version.substr(0, version.rfind('.')));
    const auto* const module = version == "2.0.1" ? "kfp.components.executor_main" : "kfp.dsl.executor_main";
    const auto found = installation_of(words);
    EXPECT_EQ(executor_module(words, found ? found->words : 0), module);
    EXPECT_EQ(found.has_value(), kind != "without_kfp");
    if (!found) continue;
    const auto expected = expected_of(version, kind);
    EXPECT_EQ(found->words, 3U);
    EXPECT_EQ(found->requirements, expected.requirements);
    EXPECT_EQ(found->without_dependencies, expected.without_dependencies);
    EXPECT_EQ(found->indexes, expected.indexes);
  }
  EXPECT_EQ(versions.size(), 18U);
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

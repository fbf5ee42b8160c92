// The outputs of a task, checked against its declarations.
#include "stage.hpp"

namespace sluice::executors {
namespace {

using Kind = ir::Type::Kind;
using Encoding = ir::TaskOutput::Encoding;

class Outputs : public Stage {
 protected:
  /// Runs a shell command with the path of each output as $1, $2 ….
  Outcome write(const std::string& line, std::vector<ir::TaskOutput> outputs) {
    List argv{"sh", "-c", line, "sh"};
    for (const auto& output : outputs) argv.push_back(late({">>" + output.name}));
    auto what = attempt("f" + std::to_string(++runs_), std::move(argv));
    what.path = "evaluate";
    what.work.outputs = std::move(outputs);
    return run(what);
  }
  Value value(const std::string& line, const ir::TaskOutput& output) {
    const auto outcome = write(line, {output});
    EXPECT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
    const auto* found = outcome.outputs.find(output.name);
    EXPECT_NE(found, nullptr);
    return found == nullptr ? Value() : *found;
  }
  std::string fault(const std::string& line, const ir::TaskOutput& output) {
    const auto outcome = write(line, {output});
    EXPECT_EQ(outcome.status, Outcome::Status::failed);
    EXPECT_EQ(outcome.failure.kind, "output");
    return outcome.failure.message;
  }

 private:
  int runs_ = 0;
};

TEST_F(Outputs, AreJsonOfTheDeclaredType) {
  EXPECT_EQ(value("echo 3 > $1", value_output("o", Kind::integer)), Value(3));
  EXPECT_EQ(value("echo 0.75 > $1", value_output("o", Kind::number)), Value(0.75));
  EXPECT_EQ(value("echo 1 > $1", value_output("o", Kind::number)), Value(1.0));
  EXPECT_EQ(value("echo '\"a\"' > $1", value_output("o", Kind::string)), Value("a"));
  EXPECT_EQ(value("echo true > $1", value_output("o", Kind::boolean)), Value(true));
  EXPECT_EQ(to_json(value("echo '{\"a\": [1]}' > $1", value_output("o", Kind::structure))), "{\"a\":[1]}");
  EXPECT_EQ(value("echo null > $1", value_output("o", Kind::any)), Value());
  auto numbers = value_output("o", Kind::list);
  numbers.type.element = std::make_shared<const ir::Type>(ir::Type{.kind = Kind::number});
  EXPECT_EQ(value("echo '[1, 2.5]' > $1", numbers), Value(List{1.0, 2.5}));
}

TEST_F(Outputs, MayBeText) {
  EXPECT_EQ(value("printf 'two\\nlines\\n' > $1", value_output("o", Kind::string, Encoding::text)),
            Value("two\nlines\n"));
  EXPECT_EQ(value("echo ' 3 ' > $1", value_output("o", Kind::integer, Encoding::text)), Value(3));
  EXPECT_EQ(value("echo 3 > $1", value_output("o", Kind::number, Encoding::text)), Value(3.0));
  EXPECT_EQ(value("echo True > $1", value_output("o", Kind::boolean, Encoding::text)), Value(true));
  EXPECT_EQ(value("echo '[1]' > $1", value_output("o", Kind::list, Encoding::text)), Value(List{1}));
}

TEST_F(Outputs, NothingInThemBecomesAnArtifact) {
  const auto text = "{\"$artifact\": {\"uri\": \"file:///etc/shadow\"}}";
  EXPECT_TRUE(value("echo '" + std::string(text) + "' > $1", value_output("o", Kind::structure)).is_struct());
}

TEST_F(Outputs, FilesAndFoldersAreStored) {
  const auto outcome =
      write("echo bytes > $1; mkdir $2; echo a > $2/a; echo '#!/bin/sh' > $2/b; chmod +x $2/b",
            {artifact_output("file", Form::file), artifact_output("folder", Form::directory)});
  ASSERT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
  const auto* stored = outcome.outputs.find("file")->if_artifact();
  EXPECT_EQ(*store().get(*stored->digest), "bytes\n");
  EXPECT_EQ(stored->size, 6);
  EXPECT_EQ(stored->kind, "thing");
  EXPECT_EQ(stored->name, "file");
  const auto laid = store().materialize(*outcome.outputs.find("folder")->if_artifact());
  EXPECT_EQ(*os::read_file(*laid / "a"), "a\n");
}

TEST_F(Outputs, OfAnyFormAreWhatWasWritten) {
  const auto either = [this](const std::string& line) {
    auto output = artifact_output("o", Form::file);
    output.any_form = true;
    return *value(line, output).if_artifact();
  };
  EXPECT_EQ(either("echo a > $1").form, Form::file);
  const auto folder = either("mkdir $1; echo b > $1/b");
  EXPECT_EQ(folder.form, Form::directory);
  EXPECT_EQ(*os::read_file(*store().materialize(folder) / "b"), "b\n");
}

TEST_F(Outputs, ThatAreNotDeclaredAreNotKept) {
  const auto outcome = write("echo 1 > $1; echo 2 > ${1}2", {value_output("o", Kind::integer)});
  EXPECT_EQ(outcome.outputs.size(), 1U);
}

TEST_F(Outputs, AMissingOneIsNamedWithAHint) {
  EXPECT_EQ(fault("true", value_output("accuracy", Kind::number)),
            "task `evaluate` did not write its output `accuracy` (expected at out/accuracy); write a JSON "
            "value at the path that the program is given by "
            "${out.accuracy}, or declare `optional: true`");
  EXPECT_NE(
      fault("true", value_output("o", Kind::string, Encoding::text)).find("; write its text at the path"),
      std::string::npos);
  EXPECT_NE(fault("true", artifact_output("o", Form::file)).find("; write a file at the path"),
            std::string::npos);
  EXPECT_NE(fault("true", artifact_output("o", Form::directory)).find("; make a folder at the path"),
            std::string::npos);
}

TEST_F(Outputs, OptionalOnesMayBeAbsent) {
  auto output = value_output("o", Kind::number);
  output.optional = true;
  const auto outcome = write("true", {output});
  EXPECT_EQ(outcome.status, Outcome::Status::succeeded);
  EXPECT_TRUE(outcome.outputs.empty());
}

TEST_F(Outputs, WhatIsNotAsDeclaredIsReported) {
  EXPECT_EQ(fault("echo 0.9x > $1", value_output("o", Kind::number)),
            "task `evaluate` wrote its output `o` as something that is not JSON (line:1:4: unexpected text "
            "after the end of the value): `0.9x`; write it with "
            "json.dump or the like, or declare `form: text`");
  EXPECT_EQ(fault("echo '\"a\"' > $1", value_output("o", Kind::number)),
            "task `evaluate` wrote its output `o` as `\"a\"`, but it is a string where number is declared");
  EXPECT_EQ(fault("echo 1.5 > $1", value_output("o", Kind::integer)),
            "task `evaluate` wrote its output `o` as `1.5`, but it is a number where integer is declared");
  EXPECT_EQ(fault("echo null > $1", value_output("o", Kind::string)),
            "task `evaluate` wrote its output `o` as `null`, but it is null where string is declared");
  EXPECT_EQ(fault("echo three > $1", value_output("o", Kind::integer, Encoding::text)),
            "task `evaluate` wrote its output `o` not as declared: `three` is not a valid integer");
  EXPECT_EQ(fault("echo maybe > $1", value_output("o", Kind::boolean, Encoding::text)),
            "task `evaluate` wrote its output `o` not as declared: `maybe` is not a valid boolean "
            "(true or false)");
  EXPECT_EQ(fault("printf '\\377' > $1", value_output("o", Kind::string, Encoding::text)),
            "task `evaluate` wrote its output `o` not as declared: it is not UTF-8");
}

TEST_F(Outputs, AValueIsAtMost64KiB) {
  EXPECT_EQ(value("(printf '\"'; head -c 65534 /dev/zero | tr '\\0' x; printf '\"') > $1",
                  value_output("o", Kind::string))
                .if_string()
                ->size(),
            65534U);
  EXPECT_EQ(fault("head -c 65537 /dev/zero > $1", value_output("o", Kind::any)),
            "task `evaluate` wrote its output `o` with 65.5 kB, where a value has at most 64 KiB; declare it "
            "with `type: artifact`");
}

TEST_F(Outputs, AFolderIsNotAFileAndViceVersa) {
  EXPECT_EQ(fault("mkdir $1", artifact_output("o", Form::file)),
            "task `evaluate` wrote its output `o` as a folder, where a file is declared");
  EXPECT_EQ(fault("echo > $1", artifact_output("o", Form::directory)),
            "task `evaluate` wrote its output `o` as a file, where a folder is declared");
  EXPECT_EQ(fault("mkdir $1", value_output("o", Kind::any)),
            "task `evaluate` wrote its output `o` as a folder, where a file is declared");
  EXPECT_EQ(fault("mkfifo $1", value_output("o", Kind::any)),
            "task `evaluate` wrote its output `o` as a special file, where a file is declared");
}

TEST_F(Outputs, ThatCannotBeStoredSayWhy) {
  EXPECT_TRUE(fault("mkdir $1; mkfifo $1/pipe", artifact_output("o", Form::directory))
                  .starts_with("output `o` of task `evaluate` cannot be stored: "));
}

TEST_F(Outputs, AValueMayBeReadInsideAnotherOutput) {
  auto inside = value_output("accuracy", Kind::number);
  inside.from = "report/deep/accuracy.json";
  const auto outcome = write("mkdir -p $1/deep; echo 0.5 > $1/deep/accuracy.json",
                             {artifact_output("report", Form::directory), inside});
  ASSERT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
  EXPECT_EQ(*outcome.outputs.find("accuracy"), Value(0.5));

  auto failed = write("mkdir -p $1", {artifact_output("report", Form::directory), inside});
  EXPECT_EQ(failed.failure.message,
            "task `evaluate` did not write its output `accuracy`: there is no `report/deep/accuracy.json`");
}

TEST_F(Outputs, WhatIsReadInsideAnotherCannotLeadOutOfIt) {
  auto inside = value_output("secret", Kind::any);
  inside.from = "report/link";
  const auto outcome =
      write("mkdir $1; ln -s /etc/hostname $1/link", {inside, artifact_output("report", Form::directory)});
  EXPECT_EQ(outcome.failure.kind, "output");
  inside.from = "report/../../home/x";
  const auto up = write("mkdir $2; echo 1 > $HOME/x", {inside, artifact_output("report", Form::directory)});
  EXPECT_EQ(up.failure.message,
            "task `evaluate` wrote its output `secret` under `from: report/../../home/x`, which leads out of "
            "that output");
}

}  // namespace
}  // namespace sluice::executors

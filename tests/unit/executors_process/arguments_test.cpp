// How values become arguments, and artifacts become paths.
#include <sys/stat.h>

#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Arguments : public Stage {
 protected:
  /// One line for each argument.
  std::string lines(List argv) {
    argv.insert(argv.begin(), {"printf", "%s\\n"});
    return printed(attempt("f", std::move(argv)));
  }
  std::string in(const std::string& name) { return (data() / "work/task-f/in" / name).string(); }
  /// Large enough to be mounted.
  static std::string large(char c) { return std::string((1 << 20) + 1, c); }
};

TEST_F(Arguments, StringsAreAsTheyAreAndOtherValuesJson) {
  Struct fields;
  fields.set("a", List{1, 2.0, "x"});
  EXPECT_EQ(lines({"a b $HOME *", "", 3, 1.0, true, Value(), fields}),
            "a b $HOME *\n\n3\n1.0\ntrue\nnull\n{\"a\":[1,2.0,\"x\"]}\n");
}

TEST_F(Arguments, ListsAreSpliced) {
  EXPECT_EQ(lines({List{"a", 1}, List{}, List{Value(List{"b", "c"})}}), "a\n1\n[\"b\",\"c\"]\n");
  EXPECT_EQ(printed(attempt("g", List{Value(List{"echo", "spliced"})})), "spliced\n");
}

TEST_F(Arguments, PathsFillTheHolesOfATemplate) {
  auto what =
      attempt("f", {"printf", "%s\\n",
                    late({"--in=", file("x", "a/table.csv"), ",", file("y"), " --out=", ">>the report"})});
  what.work.outputs = {artifact_output("the report", Form::file)};
  what.work.outputs[0].optional = true;
  EXPECT_EQ(printed(what), "--in=" + in("0.csv") + "," + in("1") +
                               " --out=" + (data() / "work/task-f/out/the%20report").string() + "\n");
}

TEST_F(Arguments, ArtifactsInsideValuesBecomePaths) {
  Struct fields;
  fields.set("files", List{file("x", "a.txt"), file("y", "b.txt")});
  EXPECT_EQ(lines({fields}), "{\"files\":[\"" + in("0.txt") + "\",\"" + in("1.txt") + "\"]}\n");
}

TEST_F(Arguments, TheSameArtifactIsMaterializedOnce) {
  const auto a = file("x", "a.txt");
  EXPECT_EQ(lines({a, a}), in("0.txt") + "\n" + in("0.txt") + "\n");
}

TEST_F(Arguments, AnExternalArtifactIsItsAddress) {
  EXPECT_EQ(lines({Artifact{.uri = "s3://bucket/key"}}), "s3://bucket/key\n");
}

TEST_F(Arguments, VariablesMayHoldPathsToo) {
  auto what = shell("f", "cat \"$INPUT\"; cat \"${BOTH#x=}\"");
  what.work.env.set("INPUT", file("one\n"));
  what.work.env.set("BOTH", late({"x=", file("two\n")}));
  EXPECT_EQ(printed(what), "one\ntwo\n");
}

TEST_F(Arguments, AProgramMayBeAnInput) {
  EXPECT_EQ(printed(attempt("f", {file("#!/bin/sh\necho input $1\n", "tool.sh"), "x"})), "input x\n");
}

TEST_F(Arguments, ASmallInputIsACopy) {
  const auto input = file("kept", "a.txt");
  auto what = attempt("f", {"sh", "-c", "cat \"$0\"; echo changed > \"$0\"; cat \"$0\"", input});
  EXPECT_EQ(printed(what), "keptchanged\n");
  EXPECT_EQ(*store().get(*input.digest), "kept");
}

// Mounted read-only if the kernel permits mounts, else copied: either way, the bytes in the store do not
// change.
TEST_F(Arguments, ALargeInputCannotBeChangedInTheStore) {
  const auto input = file(large('x'), "large.bin");
  EXPECT_EQ(printed(attempt(
                "f", {"sh", "-c", "wc -c < \"$0\"; (echo changed > \"$0\") 2> /dev/null; true", input})),
            "1048577\n");
  EXPECT_EQ(*store().get(*input.digest), large('x'));
  EXPECT_EQ(*os::read_file(*store().materialize(input)), large('x'));
}

TEST_F(Arguments, AFolderCannotBeChangedInTheStore) {
  const auto input = folder({{"a/file", "kept"}, {"b", "b"}});
  const auto outcome = run(attempt(
      "f", {"sh", "-c", "cd \"$0\" && ls -R; cat a/file; echo changed > a/file; rm -rf b; touch new; true",
            input}));
  EXPECT_EQ(outcome.status, Outcome::Status::succeeded);
  EXPECT_TRUE(log_of(attempt("f", {})).starts_with(".:\na\nb\n\n./a:\nfile\nkept"));
  const auto again = store().materialize(input);
  EXPECT_EQ(*os::read_file(*again / "a/file"), "kept");
  EXPECT_EQ(os::list_directory(*again)->size(), 2U);
}

TEST_F(Arguments, AScriptReadsManyInputs) {
  List argv{"python3", "-c", "import sys; print(sum(len(open(p, 'rb').read()) for p in sys.argv[1:]))"};
  for (int i = 0; i < 20; ++i)
    argv.push_back(file(std::string(static_cast<std::size_t>(i), 'x') + std::to_string(i)));
  argv.push_back(file(large('z')));
  EXPECT_EQ(printed(attempt("f", std::move(argv))), "1048797\n");
}

TEST_F(Arguments, AnInputThatIsMissingIsNamed) {
  auto missing = file("x", "data.csv");
  missing.digest = Digest::of("never stored");
  const auto outcome = run(attempt("f", {"cat", missing}));
  EXPECT_EQ(outcome.status, Outcome::Status::failed);
  EXPECT_EQ(outcome.failure.kind, "input");
  EXPECT_TRUE(outcome.failure.message.starts_with("cannot materialize the input `data.csv`: "))
      << outcome.failure.message;
}

// The object store detects bytes that were changed on disk; the task must not see them.
TEST_F(Arguments, AnInputThatWasChangedOnDiskIsRefused) {
  const auto input = file("kept", "data.csv");
  const auto path = store().path_of(*input.digest);
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  ASSERT_OK(os::write_file(path, "evil"));
  const auto outcome = run(attempt("f", {"cat", input}));
  EXPECT_EQ(outcome.failure.kind, "input");
  EXPECT_NE(outcome.failure.message.find(input.digest->brief()), std::string::npos)
      << outcome.failure.message;
}

}  // namespace
}  // namespace sluice::executors

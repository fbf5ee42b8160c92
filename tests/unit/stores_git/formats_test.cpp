#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/stores/git/object_text.hpp"
#include "sluice/stores/git/packed_refs.hpp"
#include "sluice/stores/git/pointer.hpp"
#include "sluice/stores/git/record.hpp"
#include "sluice/stores/git/registry.hpp"

namespace sluice::stores::git {
namespace {

const Oid oid_a(40, 'a');
const Oid oid_b(40, 'b');

TEST(Pointers, AreExactOrNone) {
  const Pointer pointer{.digest = Digest::of("x"), .size = 12};
  const auto text = write_pointer(pointer);
  EXPECT_EQ(text, "version https://git-lfs.github.com/spec/v1\noid sha256:" + Digest::of("x").hex() +
                      "\nsize 12\n");
  EXPECT_EQ(read_pointer(text), pointer);
  for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(read_pointer(text.substr(0, cut))) << cut;
  EXPECT_FALSE(read_pointer(text + "\n"));
  EXPECT_FALSE(read_pointer(text.substr(0, text.size() - 3) + "012\n"));
  EXPECT_FALSE(read_pointer(text.substr(0, text.size() - 3) + "-1\n"));
}

TEST(Records, SurviveAnyText) {
  const Record record{.created = Time(Milliseconds(1'700'000'000'123)),
                      .user = "Ännë",
                      .source = "models:/a/1",
                      .run_id = "01h",
                      .description = "first\n\nSluice-Record: {\"user\":\"mallory\"}\n\n😀\x01",
                      .key = "01h/version"};
  const auto message = tag_message("my\nmodel", 3, record);
  EXPECT_TRUE(message.starts_with("my model v3\n\nfirst\n"));
  const auto last = message.substr(message.rfind('\n', message.size() - 2) + 1);
  EXPECT_TRUE(std::ranges::all_of(last, [](char c) { return static_cast<unsigned char>(c) < 0x7f; })) << last;
  EXPECT_THAT(last, testing::HasSubstr("\\ud83d\\ude00"));
  const auto back = read_record(message);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->user, "Ännë");
  EXPECT_EQ(back->description, record.description);
  EXPECT_EQ(back->created, record.created);
  EXPECT_EQ(back->key, "01h/version");
  EXPECT_FALSE(read_record("by hand\n"));
  EXPECT_FALSE(read_record("Sluice-Record: [1]\n"));
  EXPECT_FALSE(read_record("Sluice-Record: {\"user\":\n"));
}

TEST(PackedRefs, AreReadAsGitWritesThem) {
  Refs refs;
  refs.set({.name = "refs/tags/v1", .target = oid_b, .peeled = oid_a});
  refs.set({.name = "refs/heads/main", .target = oid_b, .peeled = ""});
  refs.set({.name = "refs/heads/main", .target = oid_a, .peeled = ""});
  EXPECT_EQ(refs.text(), "# pack-refs with: peeled fully-peeled sorted \n" + oid_a + " refs/heads/main\n" +
                             oid_b + " refs/tags/v1\n^" + oid_a + "\n");
  const auto read = Refs::parse(refs.text()).value();
  EXPECT_THAT(read.all(), testing::ElementsAreArray(refs.all()));
  EXPECT_TRUE(Refs::parse("").value().all().empty());
  for (const std::string& text : {oid_a + " refs/heads/main", "^" + oid_a + "\n", oid_a + " heads/main\n",
                                  oid_a + "\n", "x" + oid_a.substr(1) + " refs/heads/main\n",
                                  oid_a + " refs/tags/v1\n^" + oid_b + "\n^" + oid_b + "\n"}) {
    const auto parsed = Refs::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message,
                testing::HasSubstr("is not a valid ref; restore this file from a backup, or from a clone"));
  }
}

TEST(PackedRefs, AreFoundByNameWhateverTheirOrder) {
  const auto refs = Refs::parse(oid_a + " refs/tags/v2\n" + oid_a + " refs/heads/main\n" + oid_a +
                                " refs/tags/v1\n" + oid_b + " refs/tags/v2\n^" + oid_a + "\n")
                        .value();
  EXPECT_THAT(refs.below("refs/tags/"),
              testing::ElementsAre(Ref{.name = "refs/tags/v1", .target = oid_a, .peeled = ""},
                                   Ref{.name = "refs/tags/v2", .target = oid_b, .peeled = oid_a}));
  EXPECT_EQ(refs.find("refs/heads/main")->target, oid_a);
  EXPECT_FALSE(refs.find("refs/heads/mai"));
  EXPECT_TRUE(refs.below("refs/heads/x").empty());
}

TEST(ObjectText, RoundTrips) {
  const auto tree = format_tree({{.mode = TreeEntry::Mode::folder, .name = "a", .oid = oid_a},
                                 {.mode = TreeEntry::Mode::file, .name = "a.b", .oid = oid_b},
                                 {.mode = TreeEntry::Mode::program, .name = "a0", .oid = oid_b}});
  const auto entries = parse_tree(tree);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "a.b");  // `a` sorts as `a/`
  EXPECT_EQ((*entries)[1].name, "a");
  EXPECT_EQ(format_tree(*entries), tree);
  for (std::size_t cut = 1; cut < tree.size(); ++cut) static_cast<void>(parse_tree(tree.substr(0, cut)));

  const auto commit = parse_commit(format_commit({.tree = oid_a,
                                                  .parents = {oid_b, oid_a},
                                                  .author = "a <b@c>",
                                                  .at = Time(Milliseconds(5999)),
                                                  .message = "m\n\nn\n"}));
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->parents.size(), 2U);
  EXPECT_EQ(commit->author, "a <b@c>");
  EXPECT_EQ(commit->at, Time(Milliseconds(5000)));
  EXPECT_EQ(commit->message, "m\n\nn\n");

  EXPECT_FALSE(parse_tag("object " + oid_a + "\ntype tree\ntag v1\n\nx"));
}

TEST(VersionNumbers, HaveOneSpelling) {
  EXPECT_EQ(version_number("v12"), 12);
  EXPECT_EQ(version_number("refs/tags/v3"), 3);
  for (const auto* name : {"v", "v0", "v01", "v1a", "1", "V1", "v-1", "v9999999999999999999", ""})
    EXPECT_FALSE(version_number(name)) << name;
}

}  // namespace
}  // namespace sluice::stores::git

#include "ledger_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using ports::Durability;
using testing::ElementsAre;
using testing::HasSubstr;

class SqliteIndex : public LedgerTest {
 protected:
  std::vector<std::string> ids(const ports::RunFilter& filter) {
    std::vector<std::string> out;
    for (const auto& row : test::value_of(ledger_->runs(filter))) out.push_back(row.id.text);
    return out;
  }
  ports::CacheEntry entry(const std::string& key, const std::string& text, std::int64_t when) {
    Struct outputs;
    outputs.set("text", text);
    return {.key = Digest::of(key), .outputs = outputs, .run = {"r"}, .path = "p", .at = at(when)};
  }
};

TEST_F(SqliteIndex, ListsRunsNewestFirst) {
  ASSERT_OK(
      ledger_->append({append_of("aa1", 0, {}, "succeeded", 10), append_of("ab2", 0, {}, "failed", 30),
                       append_of("aa3", 0, {}, "succeeded", 20), append_of("b'4", 0, {}, "running", 30)},
                      Durability::process));
  auto elsewhere = append_of("aa5", 0, {}, "succeeded", 40);
  elsewhere.row->principal.workspace = "team";
  ASSERT_OK(ledger_->append({elsewhere}, Durability::process));
  EXPECT_THAT(ids({}), ElementsAre("b'4", "ab2", "aa3", "aa1"));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre("b'4", "ab2"));
  EXPECT_THAT(ids({.status = "succeeded"}), ElementsAre("aa3", "aa1"));
  EXPECT_THAT(ids({.id_prefix = "aa"}), ElementsAre("aa3", "aa1"));
  EXPECT_THAT(ids({.status = "failed", .id_prefix = "a"}), ElementsAre("ab2"));
  EXPECT_THAT(ids({.id_prefix = "b' OR 1=1 --"}), ElementsAre());
  EXPECT_THAT(ids({.id_prefix = "b'"}), ElementsAre("b'4"));
  EXPECT_THAT(ids({.id_prefix = ""}), ElementsAre("b'4", "ab2", "aa3", "aa1"));
  EXPECT_THAT(ids({.workspace = "team"}), ElementsAre("aa5"));
  EXPECT_THAT(ids({.workspace = ""}), ElementsAre("aa5", "b'4", "ab2", "aa3", "aa1"));
  EXPECT_THAT(ids({.workspace = "", .status = "succeeded"}), ElementsAre("aa5", "aa3", "aa1"));
  EXPECT_THAT(ids({.workspace = "", .id_prefix = "aa"}), ElementsAre("aa5", "aa3", "aa1"));
}

TEST_F(SqliteIndex, ContinuesAfterARun) {
  ASSERT_OK(ledger_->append({append_of("a", 0, {}, "succeeded", 10), append_of("b", 0, {}, "failed", 20),
                             append_of("c", 0, {}, "succeeded", 20), append_of("d", 0, {}, "succeeded", 20),
                             append_of("e", 0, {}, "failed", 30)},
                            Durability::process));
  std::vector<std::string> seen;
  ports::RunFilter filter{.limit = 2};
  for (auto rows = test::value_of(ledger_->runs(filter)); !rows.empty();
       rows = test::value_of(ledger_->runs(filter))) {
    for (const auto& row : rows) seen.push_back(row.id.text);
    filter.after = {.created = rows.back().created, .id = rows.back().id};
  }
  EXPECT_THAT(seen, ElementsAre("e", "d", "c", "b", "a"));
  const ports::RunFilter::Position after_d{.created = at(20), .id = {"d"}};
  EXPECT_THAT(ids({.status = "succeeded", .after = after_d}), ElementsAre("c", "a"));
  EXPECT_THAT(ids({.status = "failed", .after = after_d}), ElementsAre("b"));
  const ports::RunFilter::Position gone{.created = at(25), .id = {"x"}};
  EXPECT_THAT(ids({.after = gone}), ElementsAre("d", "c", "b", "a")) << "it need not be there";
}

TEST_F(SqliteIndex, KeepsTheNewestRowOfARun) {
  ASSERT_OK(ledger_->append({append_of("r", 0, {"a"})}, Durability::process));
  auto ended = append_of("r", 1, {"b"}, "failed");
  ended.row->ended = at(2000);
  ended.row->message = "accuracy 0.5 is below 0.75";
  ended.row->principal.name = "ann";
  ASSERT_OK(ledger_->append({ended}, Durability::power));
  const auto rows = ledger_->runs({}).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].status, "failed");
  EXPECT_EQ(rows[0].created, at(1000));
  EXPECT_EQ(rows[0].ended, at(2000));
  EXPECT_EQ(rows[0].message, "accuracy 0.5 is below 0.75");
  EXPECT_EQ(rows[0].principal, (Principal{.workspace = "default", .name = "ann"}));
  EXPECT_EQ(rows[0].plan, Digest::of("r"));
}

TEST_F(SqliteIndex, FindsTheNewestOutputsOfAKey) {
  auto append = append_of("r", 0, {"a"});
  append.cache = {entry("k", "old", 10), entry("k", "new", 20), entry("k", "late", 15),
                  entry("other", "x", 1)};
  ASSERT_OK(ledger_->append({append}, Durability::process));
  const auto found = ledger_->cached("default", Digest::of("k"));
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->outputs.text_at("text"), "new");
  EXPECT_EQ((*found)->at, at(20));
  EXPECT_EQ((*found)->run.text, "r");
  EXPECT_EQ((*found)->path, "p");
  EXPECT_FALSE(ledger_->cached("team", Digest::of("k"))->has_value());
  EXPECT_FALSE(ledger_->cached("default", Digest::of("nothing"))->has_value());
}

TEST_F(SqliteIndex, AJournalIsReadInParts) {
  ASSERT_OK(ledger_->append({append_of("r", 0, {"a", "b", "c", "d"})}, ports::Durability::process));
  EXPECT_EQ(*ledger_->read({"r"}, 1, 2), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(*ledger_->read({"r"}, 3, 2), (std::vector<std::string>{"d"}));
  EXPECT_TRUE(ledger_->read({"r"}, 4, 2)->empty());
}

TEST_F(SqliteIndex, ARowThatDoesNotChangeIsNotWritten) {
  ASSERT_OK(ledger_->append({append_of("r", 0, {"a"})}, ports::Durability::process));
  auto more = append_of("r", 1, {"b"});
  more.row.reset();
  ASSERT_OK(ledger_->append({more}, ports::Durability::process));
  EXPECT_EQ(ledger_->read({"r"})->size(), 2U);
  EXPECT_EQ(ledger_->runs({})->at(0).status, "running");
}

// The real ledger holds the engine's events; here an event is "status" or "cache KEY TEXT MS".
Result<SqliteLedger::Projection> project(const RunId& run, const std::vector<std::string>& events) {
  SqliteLedger::Projection out;
  out.row = ports::RunRow{.id = run,
                          .principal = {},
                          .name = "rebuilt",
                          .plan = {},
                          .status = "running",
                          .ended = {},
                          .message = ""};
  for (const auto& event : events) {
    if (event == "unreadable") return Fail(user_error(Code::internal, "event 0: unknown type `unreadable`"));
    if (!event.starts_with("cache ")) {
      out.row.status = event;
      continue;
    }
    Struct outputs;
    outputs.set("text", event.substr(6));
    out.cache.push_back({.key = Digest::of("k"), .outputs = outputs, .run = run, .path = "p"});
  }
  return out;
}

TEST_F(SqliteIndex, IsRebuiltFromTheJournals) {
  auto one = append_of("r1", 0, {"cache hello", "succeeded"}, "wrong");
  one.cache = {entry("stale", "x", 1)};
  ASSERT_OK(ledger_->append({one, append_of("r2", 0, {"failed"}, "wrong")}, Durability::process));
  ASSERT_OK(ledger_->rebuild_projections(project));
  const auto rows = ledger_->runs({}).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].status, "failed");
  EXPECT_EQ(rows[1].status, "succeeded");
  EXPECT_EQ((*ledger_->cached("default", Digest::of("k")))->outputs.text_at("text"), "hello");
  EXPECT_FALSE(ledger_->cached("default", Digest::of("stale"))->has_value());
  EXPECT_EQ(ledger_->read({"r1"})->size(), 2U);
}

TEST_F(SqliteIndex, StaysAsItIsWhereAJournalCannotBeRead) {
  ASSERT_OK(ledger_->append(
      {append_of("r1", 0, {"succeeded"}, "before"), append_of("r2", 0, {"unreadable"}, "before")},
      Durability::process));
  const auto rebuilt = ledger_->rebuild_projections(project);
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().message, "run r2: event 0: unknown type `unreadable`");
  EXPECT_THAT(ids({.status = "before"}), ElementsAre("r2", "r1"));
}

}  // namespace
}  // namespace sluice::stores

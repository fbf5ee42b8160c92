#include "native_stage.hpp"
#include "result_assertions.hpp"
#include "sluice/base/event_stream.hpp"

namespace sluice::test {
namespace {

TEST(NativeEvents, AreTheJournal) {
  NativeStage s;
  const auto run = ended(s, plan_body(echo_plan));
  const auto json = json_of(s.get("/v1/runs/" + run + "/events"));
  EXPECT_EQ(json.integer_at("from"), 0);
  EXPECT_FALSE(json.boolean_at("goes_on", true));
  const auto& events = *json.find("events")->if_list();
  EXPECT_EQ(events.size(), s.stage.journal(run).size());
  EXPECT_EQ(events.front().text_at("t"), "run_created");
  EXPECT_EQ(events.back().text_at("t"), "run_ended");
  const auto rest = json_of(s.get("/v1/runs/" + run + "/events?from=" + std::to_string(events.size() - 1)));
  EXPECT_EQ(rest.find("events")->if_list()->size(), 1U);
}

TEST(NativeEvents, AreRefusedForUnknownRunsAndInvalidNumbers) {
  NativeStage s;
  EXPECT_EQ(refusal(s.get("/v1/runs/nobody/events")),
            "404: there is no run `nobody`; `sluice runs` lists them");
  EXPECT_EQ(refusal(s.events("nobody")), "404: there is no run `nobody`; `sluice runs` lists them");
  EXPECT_EQ(refusal(s.get("/v1/runs/nobody/events?from=x")),
            "400: query parameter `from` must be a non-negative integer");
  for (const auto* last : {"x", "-1", "1 ", "99999999999999999999"})
    EXPECT_EQ(refusal(s.events("latest", last)), "400: the header Last-Event-ID must be an event number");
}

/// "ID TYPE" of each event.
std::vector<std::string> events_in(std::string_view text) {
  EventReader reader;
  std::vector<std::string> out;
  reader.feed(text, [&](const ServerSentEvent& sent) {
    out.push_back(sent.id + " " + value_of(parse_json(sent.data, "event")).text_at("t"));
  });
  return out;
}

TEST(NativeEvents, AreStreamedToTheEndOfTheRun) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto answer = s.events(run);
  EXPECT_EQ(answer.content_type, "text/event-stream");
  ASSERT_TRUE(answer.stream);
  auto text = *next_piece(*answer.stream);
  EXPECT_EQ(events_in(text), (std::vector<std::string>{"0 run_created", "1 task_ready", "2 scheduled"}));
  s.stage.gate.open();
  text += read_to_the_end(*answer.stream);
  const auto seen = events_in(text);
  EXPECT_EQ(seen.size(), s.stage.journal(run).size());
  EXPECT_EQ(seen.back(), std::to_string(seen.size() - 1) + " run_ended");
}

TEST(NativeEvents, ContinueAfterTheLastOneThatWasReceived) {
  NativeStage s;
  const auto run = ended(s, plan_body(echo_plan));
  const auto length = s.stage.journal(run).size();
  const auto rest = s.events(run, std::to_string(length - 3));
  EXPECT_EQ(events_in(read_to_the_end(*rest.stream)).size(), 2U);
  auto from = s.ask("GET", "/v1/runs/" + run + "/events?from=" + std::to_string(length - 1), "", {},
                    {{"accept", "text/html, text/event-stream"}});
  EXPECT_EQ(events_in(read_to_the_end(*from.get().stream)).size(), 1U);
  EXPECT_EQ(s.events(run, std::to_string(length - 1)).status, 204) << "so that a browser does not reconnect";
}

TEST(NativeEvents, OfALongJournalAreSentInPieces) {
  NativeStage s;
  const auto run = ended(s, plan_body(echo_plan));
  auto length = s.stage.journal(run).size();
  const std::vector<std::string> more(
      2500, engine::encode(engine::Stopping{.path = "a", .reason = std::string(200, 'x')}));
  ASSERT_OK(s.stage.ledger->append(
      {{.run = {run}, .expected_next = length, .events = more, .row = s.stage.row(run), .cache = {}}},
      ports::Durability::process));
  length += more.size();
  const auto answer = s.events(run);
  std::string text;
  std::size_t pieces = 0;
  while (auto piece = next_piece(*answer.stream)) {
    EXPECT_LT(piece->size(), std::size_t{66} << 10);
    text += *piece;
    ++pieces;
  }
  EXPECT_GT(pieces, 10U);
  EXPECT_EQ(events_in(text).size(), length);
  EXPECT_TRUE(events_in(text).back().starts_with(std::to_string(length - 1) + " "));
}

TEST(NativeEvents, AHeartbeatIsSentWhileThereAreNoEvents) {
  NativeStage s;
  s.router = s.make_router(Milliseconds(20));
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto answer = s.events(run, std::to_string(s.stage.journal(run).size() - 1));
  EXPECT_EQ(next_piece(*answer.stream), heartbeat_text);
  EXPECT_EQ(next_piece(*answer.stream), heartbeat_text);
  s.stage.gate.open();
  EXPECT_FALSE(events_in(read_to_the_end(*answer.stream)).empty());
}

TEST(NativeEvents, SayBetweenThemWhatIsUnderWay) {
  NativeStage s;
  s.router = s.make_router(std::chrono::seconds(15), Milliseconds(1));
  const auto run = submitted(s, plan_body(reporting_plan));
  s.stage.gate.wait_for_a_call();
  const auto length = s.stage.journal(run).size();
  const auto answer = s.events(run, std::to_string(length - 1));
  EXPECT_EQ(next_piece(*answer.stream),
            "event: under_way\ndata: {\"tasks\":[{\"path\":\"t\",\"progress\":"
            "{\"done\":1,\"total\":4,\"unit\":\"files\",\"share\":0.25}}]}\n\n");
  const auto task = json_of(s.get("/v1/runs/" + run)).find("tasks")->if_list()->front();
  EXPECT_EQ(to_json(*task.find("progress")), R"({"done":1,"total":4,"unit":"files","share":0.25})");
  s.stage.gate.open();
  EXPECT_FALSE(events_in(read_to_the_end(*answer.stream)).empty());
  EXPECT_FALSE(json_of(s.get("/v1/runs/" + run)).find("tasks")->if_list()->front().find("progress"));
  for (const auto& event : s.stage.journal(run))
    EXPECT_EQ(engine::encode(event).find("files"), std::string::npos) << engine::encode(event);
}

TEST(NativeEvents, ShowThatARunStoppedWithoutEnding) {
  NativeStage s;
  const auto run = submitted(s, plan_body(held_plan));
  s.stage.gate.wait_for_a_call();
  const auto length = s.stage.journal(run).size();
  const auto foreign = engine::encode(engine::Stopping{.path = "", .reason = "another process"});
  ASSERT_OK(s.stage.ledger->append(
      {{.run = {run}, .expected_next = length, .events = {foreign}, .row = s.stage.row(run), .cache = {}}},
      ports::Durability::process));
  s.stage.gate.open();
  s.server.wait(run);
  const auto json = json_of(s.get("/v1/runs/" + run + "/events?from=" + std::to_string(length + 1)));
  EXPECT_TRUE(json.find("events")->if_list()->empty());
  EXPECT_FALSE(json.boolean_at("goes_on", true));
  const auto seen = events_in(read_to_the_end(*s.events(run).stream));
  EXPECT_EQ(seen.back(), std::to_string(length) + " stopping")
      << "the stream ends without the end of the run";
}

}  // namespace
}  // namespace sluice::test

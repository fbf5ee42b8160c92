#include "sluice/domain/access/recorded.hpp"

#include <utility>

#include "sluice/base/log.hpp"

namespace sluice::access {
namespace {

/// The change has happened: that it cannot be recorded is for the operator, not for the caller.
void write(Record record, const Principal& principal, const std::string& what, const std::string& subject) {
  const auto written = record.log.add_change(
      {.at = record.clock.now(), .principal = principal, .what = what, .subject = subject});
  if (!written)
    log::error("the change `" + what + " " + subject + "` by " + principal.name +
               " is not in the log of changes: " + written.error().message);
}

ports::Handler recorded_handler(ports::Handler handler, std::string what, Record record) {
  return [handler = std::move(handler), what = std::move(what), record](ports::Request request,
                                                                        ports::Responder respond) {
    auto principal = request.principal;
    auto first = request.params.empty() ? std::string() : request.params.front();
    handler(std::move(request), [respond = std::move(respond), principal = std::move(principal),
                                 first = std::move(first), what, record](ports::Response response) mutable {
      if (response.status < 400)
        write(record, principal, what, response.subject.empty() ? first : response.subject);
      respond(std::move(response));
    });
  };
}

class RecordedService final : public ports::Service {
 public:
  RecordedService(std::unique_ptr<ports::Service> service, Record record)
      : service_(std::move(service)), record_(record) {}
  [[nodiscard]] const ir::Signature& signature() const override { return service_->signature(); }
  [[nodiscard]] Result<Value> environment(const Struct& with) const override {
    return service_->environment(with);
  }
  [[nodiscard]] Result<void> check(const Struct& known) const override { return service_->check(known); }
  Result<Struct> run(const ports::ServiceCall& call) override {
    SLUICE_TRY(outputs, service_->run(call));
    const auto* name = outputs.find("name");
    if (!name) name = outputs.find("endpoint");
    const auto version = Value(outputs).integer_at("version");
    write(record_, call.principal, signature().name,
          (name && name->is_string() ? *name->if_string() + "@" + std::to_string(version) + " " : "") +
              "by run " + call.run.text);
    return outputs;
  }

 private:
  std::unique_ptr<ports::Service> service_;
  Record record_;
};

}  // namespace

ports::Protocol recorded(ports::Protocol protocol, Record record) {
  for (auto& route : protocol.routes)
    if (!route.change.empty())
      route.handler = recorded_handler(std::move(route.handler), route.change, record);
  return protocol;
}

std::unique_ptr<ports::Service> recorded(std::unique_ptr<ports::Service> service, Record record) {
  if (service->signature().effect == ir::Effect::none) return service;
  return std::make_unique<RecordedService>(std::move(service), record);
}

}  // namespace sluice::access

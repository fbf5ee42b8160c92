#include "sluice/stores/directory/secret_files.hpp"

#include <algorithm>
#include <mutex>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = std::size_t{256} << 20;

class SecretFiles final : public ports::Secrets {
 public:
  SecretFiles(fs::path folder, const Clock& clock, Random& random)
      : folder_(std::move(folder)), clock_(clock), random_(random) {}

  [[nodiscard]] Result<std::optional<Secret>> find(const std::string& workspace,
                                                   const std::string& name) const override {
    SLUICE_TRY(all, read(workspace));
    const auto* found = all.find(name);
    if (found == nullptr) return std::nullopt;
    return Secret{.value = found->text_at("value"), .version = found->text_at("version")};
  }

  Result<void> set(const Principal& by, const std::string& name, std::string value) override {
    if (value.empty())
      return Fail(
          user_error(Code::invalid_argument, "the value of a secret is empty; send it on standard input"));
    if (value.size() > value_bytes_max)
      return Fail(user_error(Code::too_large, "a secret has at most 64 KiB"));
    if (value.find('\0') != std::string::npos || !is_utf8(value))
      return Fail(user_error(Code::invalid_argument,
                             "a secret is a text in UTF-8 without NUL, as a variable of a task is"));
    const std::scoped_lock lock(mutex_);
    SLUICE_TRY(all, read(by.workspace));
    if (all.find(name) == nullptr && all.size() >= secrets_max)
      return Fail(user_error(Code::exhausted, "there are 1000 secrets already; remove some"));
    Struct one;
    one.set("value", std::move(value));
    one.set("version", new_ulid(clock_.now(), random_));
    one.set("by", by.name);
    one.set("set_ms", clock_.now().time_since_epoch().count());
    all.set(name, std::move(one));
    return write(by.workspace, all);
  }

  Result<void> remove(const std::string& workspace, const std::string& name) override {
    const std::scoped_lock lock(mutex_);
    SLUICE_TRY(all, read(workspace));
    Struct left;
    std::vector<std::string> names;
    for (const auto& [each, secret] : all) {
      names.push_back(each);
      if (each != name) left.append(each, secret);
    }
    if (left.size() == all.size())
      return Fail(
          user_error(Code::not_found, "there is no secret `" + name + "`" + did_you_mean(name, names)));
    return write(workspace, left);
  }

  [[nodiscard]] Result<std::vector<Listed>> list(const std::string& workspace) const override {
    SLUICE_TRY(all, read(workspace));
    std::vector<Listed> out;
    for (const auto& [name, secret] : all)
      out.push_back({.name = name,
                     .version = secret.text_at("version"),
                     .by = secret.text_at("by"),
                     .set = Time(Milliseconds(secret.integer_at("set_ms")))});
    std::ranges::sort(out, {}, &Listed::name);
    return out;
  }

  [[nodiscard]] Result<std::vector<std::string>> values(const std::string& workspace) const override {
    SLUICE_TRY(all, read(workspace));
    std::vector<std::string> out;
    for (const auto& [name, secret] : all) out.push_back(secret.text_at("value"));
    return out;
  }

 private:
  [[nodiscard]] fs::path file_of(const std::string& workspace) const {
    return folder_ / (percent_encode(workspace) + ".json");
  }
  [[nodiscard]] Result<Struct> read(const std::string& workspace) const {
    const auto file = file_of(workspace);
    auto text = os::read_file(file, file_bytes_max);
    if (!text && text.error().code == Code::not_found) return Struct{};
    if (!text) return Fail(std::move(text).error());
    SLUICE_TRY(json, parse_json(*text, file.string()));
    if (!json.is_struct())
      return Fail(
          environment_error(Code::data_loss, file.string() + ": not a file of secrets; set them again"));
    return *json.if_struct();
  }
  [[nodiscard]] Result<void> write(const std::string& workspace, const Struct& all) const {
    SLUICE_DO(os::make_directories(folder_));
    SLUICE_DO(os::set_mode(folder_, 0700));
    return os::write_file_atomically(file_of(workspace), to_json(Value(all)), os::Sync::yes, 0600);
  }

  const fs::path folder_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<ports::Secrets> secret_files(fs::path folder, const Clock& clock, Random& random) {
  return std::make_unique<SecretFiles>(std::move(folder), clock, random);
}

}  // namespace sluice::stores

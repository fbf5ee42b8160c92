// A plug-in of clang, loaded by mutants.py. It prints where the source that is compiled can be mutated, and
// how: one JSON object per line. Nothing is compiled.
//   {"line", "function", "begin", "end", "form", "edits": [{"begin", "end", "text"}]}     offsets in bytes
// The forms: `expression`, which the edits change; `negated`, a condition; `removed`, a statement with its
// semicolon.
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendPluginRegistry.h>
#include <clang/Lex/Lexer.h>
#include <llvm/Support/JSON.h>
#include <llvm/Support/raw_ostream.h>

namespace {

using namespace clang;

struct Edit {
  unsigned begin;
  unsigned end;
  std::string text;
};

class Sites : public RecursiveASTVisitor<Sites> {
 public:
  explicit Sites(ASTContext& context)
      : context_(context), sources_(context.getSourceManager()), main_(sources_.getMainFileID()) {}

  // What has to stay constant, or has no code: a mutant there would not compile, or would not run.
  static bool TraverseTypeLoc(TypeLoc) { return true; }
  static bool TraverseTemplateArgumentLoc(const TemplateArgumentLoc&) { return true; }
  static bool TraverseAttr(Attr*) { return true; }
  static bool TraverseCXXNoexceptExpr(CXXNoexceptExpr*) { return true; }
  static bool TraverseUnaryExprOrTypeTraitExpr(UnaryExprOrTypeTraitExpr*) { return true; }
  static bool TraverseRequiresExpr(RequiresExpr*) { return true; }
  static bool TraverseUserDefinedLiteral(UserDefinedLiteral*) { return true; }
  bool TraverseCaseStmt(CaseStmt* label) {
    statement(label->getSubStmt());
    return TraverseStmt(label->getSubStmt());
  }
  bool TraverseIfStmt(IfStmt* branch) {
    if (!branch->isConstexpr()) return RecursiveASTVisitor::TraverseIfStmt(branch);
    return TraverseStmt(branch->getThen()) && TraverseStmt(branch->getElse());
  }
  bool TraverseDecl(Decl* declaration) {
    if (!declaration || isa<StaticAssertDecl, FieldDecl, ParmVarDecl, EnumDecl, ConceptDecl>(declaration))
      return true;
    if (const auto* variable = dyn_cast<VarDecl>(declaration);
        variable && (variable->isConstexpr() || !function_))
      return true;
    const auto* function = dyn_cast<FunctionDecl>(declaration);
    if (!function) return RecursiveASTVisitor::TraverseDecl(declaration);
    if (function->isConstexpr() || !sources_.isWrittenInMainFile(function->getLocation())) return true;
    const auto* outer = std::exchange(function_, function);
    const bool more = RecursiveASTVisitor::TraverseDecl(declaration);
    function_ = outer;
    return more;
  }

  bool VisitBinaryOperator(BinaryOperator* operation) {
    const auto kind = operation->getOpcode();
    if (operation->isLogicalOp()) {
      operand(operation->getLHS());
      operand(operation->getRHS());
    } else if (kind == BO_Add || kind == BO_Sub || kind == BO_AddAssign || kind == BO_SubAssign) {
      if (!operation->getLHS()->getType()->isScalarType() ||
          !operation->getRHS()->getType()->isArithmeticType())
        return true;
    }
    replace(operation, operation->getOperatorLoc(), operation->getOpcodeStr());
    return true;
  }
  bool VisitCXXRewrittenBinaryOperator(CXXRewrittenBinaryOperator* operation) {
    replace(operation, operation->getOperatorLoc(), operation->getOpcodeStr());
    return true;
  }
  bool VisitCXXOperatorCallExpr(CXXOperatorCallExpr* call) {
    const auto kind = call->getOperator();
    const bool is_assignment = kind == OO_PlusEqual || kind == OO_MinusEqual;
    if ((kind == OO_Plus || is_assignment) && is_text(call->getType())) return true;
    if (call->getNumArgs() == 2 && (is_assignment || !call->isAssignmentOp()) && kind != OO_PlusPlus &&
        kind != OO_MinusMinus)
      replace(call, call->getOperatorLoc(), getOperatorSpelling(kind));
    if (kind == OO_PlusPlus || kind == OO_MinusMinus)
      edit(call, call->getOperatorLoc(), kind == OO_PlusPlus ? "--" : "++", 2);
    return true;
  }
  bool VisitUnaryOperator(UnaryOperator* operation) {
    if (operation->isIncrementDecrementOp())
      edit(operation, operation->getOperatorLoc(), operation->isIncrementOp() ? "--" : "++", 2);
    return true;
  }
  bool VisitCallExpr(CallExpr* call) {
    const auto* named = dyn_cast<DeclRefExpr>(call->getCallee()->IgnoreParenImpCasts());
    if (!named || !named->getDecl()->isInStdNamespace() || !named->getDecl()->getIdentifier()) return true;
    const auto name = named->getDecl()->getName();
    if (name == "min" || name == "max") edit(call, named->getLocation(), name == "min" ? "max" : "min", 3);
    return true;
  }
  bool VisitIntegerLiteral(IntegerLiteral* literal) {
    const std::string text = text_of(literal);
    if (text.empty() || (text[0] != '0' && text[0] != '1')) return true;
    if (text.find_first_not_of("uUlLzZ", 1) != std::string::npos) return true;
    edit(literal, literal->getLocation(), text[0] == '0' ? "1" : "2", 1);
    return true;
  }
  bool VisitCXXBoolLiteralExpr(CXXBoolLiteralExpr* literal) {
    edit(literal, literal->getLocation(), literal->getValue() ? "false" : "true",
         literal->getValue() ? 4 : 5);
    return true;
  }

  bool VisitCompoundStmt(CompoundStmt* block) {
    const Stmt* last = block->body_empty() ? nullptr : block->body_back();
    for (const Stmt* part : block->body()) {
      statement(part);
      if (part != last) early_return(part);
    }
    return true;
  }
  bool VisitIfStmt(IfStmt* branch) {
    if (!branch->isConstexpr() && !branch->getConditionVariable()) operand(branch->getCond());
    statement(branch->getThen());
    statement(branch->getElse());
    return true;
  }
  bool VisitWhileStmt(WhileStmt* loop) {
    if (!loop->getConditionVariable()) operand(loop->getCond());
    statement(loop->getBody());
    return true;
  }
  bool VisitDoStmt(DoStmt* loop) {
    operand(loop->getCond());
    statement(loop->getBody());
    return true;
  }
  bool VisitForStmt(ForStmt* loop) {
    operand(loop->getCond());
    statement(loop->getBody());
    return true;
  }
  bool VisitCXXForRangeStmt(CXXForRangeStmt* loop) {
    statement(loop->getBody());
    return true;
  }
  bool VisitDefaultStmt(DefaultStmt* label) {
    statement(label->getSubStmt());
    return true;
  }
  bool VisitConditionalOperator(ConditionalOperator* choice) {
    operand(choice->getCond());
    return true;
  }

 private:
  static bool is_text(QualType type) {
    const auto* record = type.getNonReferenceType()->getAsCXXRecordDecl();
    return record && record->getIdentifier() &&
           (record->getName() == "basic_string" || record->getName() == "path");
  }
  static bool is_comparison_or_logical(const Expr* expression) {
    if (const auto* operation = dyn_cast<BinaryOperator>(expression))
      return operation->isComparisonOp() || operation->isLogicalOp();
    if (const auto* call = dyn_cast<CXXOperatorCallExpr>(expression)) return call->isComparisonOp();
    return isa<CXXRewrittenBinaryOperator>(expression);
  }

  /// A condition that has no other mutants of its own.
  void operand(const Expr* condition) {
    if (!condition || is_comparison_or_logical(condition->IgnoreUnlessSpelledInSource()->IgnoreParens()))
      return;
    if (isa<CXXBoolLiteralExpr>(condition->IgnoreUnlessSpelledInSource())) return;
    add(condition->IgnoreUnlessSpelledInSource()->getSourceRange(), "negated", {});
  }

  void statement(const Stmt* part) {
    if (!part) return;
    if (isa<BreakStmt, ContinueStmt>(part)) return remove(part);
    const auto* expression = dyn_cast<Expr>(part);
    if (!expression) return;
    expression = expression->IgnoreUnlessSpelledInSource();
    if (const auto* cast = dyn_cast<ExplicitCastExpr>(expression))
      expression = cast->getSubExpr()->IgnoreUnlessSpelledInSource();
    const auto* operation = dyn_cast<BinaryOperator>(expression);
    if (isa<CallExpr>(expression) || (operation && operation->isAssignmentOp())) remove(part);
  }

  /// A return in an `if` without `else` that is not the last statement of its block: what follows has to cope
  /// without it.
  void early_return(const Stmt* part) {
    const auto* branch = dyn_cast<IfStmt>(part);
    if (!branch || branch->getElse() || !branch->getThen()) return;
    const Stmt* last = branch->getThen();
    if (const auto* block = dyn_cast<CompoundStmt>(last))
      last = block->body_empty() ? nullptr : block->body_back();
    if (last && isa<ReturnStmt>(last)) remove(last);
  }

  void remove(const Stmt* part) {
    if (part->getBeginLoc().isMacroID() || part->getEndLoc().isMacroID()) return;
    const auto next = Lexer::findNextToken(part->getEndLoc(), sources_, context_.getLangOpts());
    if (next && next->is(tok::semi)) add({part->getBeginLoc(), next->getLocation()}, "removed", {});
  }

  void replace(const Expr* expression, SourceLocation at, StringRef op) {
    const auto edit_to = [&](StringRef other) { edit(expression, at, other, op.size()); };
    if (op == "<") edit_to("<="), edit_to(">=");
    if (op == "<=") edit_to("<"), edit_to(">");
    if (op == ">") edit_to(">="), edit_to("<=");
    if (op == ">=") edit_to(">"), edit_to("<");
    if (op == "==") edit_to("!=");
    if (op == "!=") edit_to("==");
    if (op == "&&") edit_to("||");
    if (op == "||") edit_to("&&");
    if (op == "+") edit_to("-");
    if (op == "-") edit_to("+");
    if (op == "+=") edit_to("-=");
    if (op == "-=") edit_to("+=");
  }
  void edit(const Expr* expression, SourceLocation at, StringRef text, std::size_t length) {
    if (at.isMacroID()) return;
    const unsigned begin = sources_.getFileOffset(at);
    add(expression->getSourceRange(), "expression",
        {{begin, begin + static_cast<unsigned>(length), text.str()}});
  }

  std::string text_of(const Expr* expression) {
    const auto range = CharSourceRange::getTokenRange(expression->getSourceRange());
    return Lexer::getSourceText(range, sources_, context_.getLangOpts()).str();
  }
  [[nodiscard]] std::string function_name() const {
    std::string name = function_->getQualifiedNameAsString();
    for (const std::string_view part : {"(anonymous namespace)::", "sluice::"})
      for (auto at = name.find(part); at != std::string::npos; at = name.find(part))
        name.erase(at, part.size());
    return name;
  }

  void add(SourceRange range, StringRef form, const std::vector<Edit>& edits) {
    const auto first = range.getBegin();
    const auto last = range.getEnd();
    if (!function_ || first.isInvalid() || last.isInvalid() || first.isMacroID() || last.isMacroID()) return;
    if (sources_.getFileID(first) != main_ || sources_.getFileID(last) != main_) return;
    const unsigned begin = sources_.getFileOffset(first);
    const unsigned end =
        sources_.getFileOffset(last) + Lexer::MeasureTokenLength(last, sources_, context_.getLangOpts());
    // Some expressions are visited in two forms.
    if (!seen_
             .emplace(begin, end, form.str(), edits.empty() ? "" : edits.front().text,
                      edits.empty() ? 0 : edits.front().begin)
             .second)
      return;
    llvm::json::Array changes;
    for (const auto& edit : edits)
      changes.push_back(llvm::json::Object{{"begin", edit.begin}, {"end", edit.end}, {"text", edit.text}});
    llvm::outs() << llvm::json::Value(llvm::json::Object{{"line", sources_.getSpellingLineNumber(first)},
                                                         {"function", function_name()},
                                                         {"begin", begin},
                                                         {"end", end},
                                                         {"form", form},
                                                         {"edits", std::move(changes)}})
                 << "\n";
  }

  ASTContext& context_;
  const SourceManager& sources_;
  FileID main_;
  const FunctionDecl* function_ = nullptr;  ///< the innermost one that has a name
  std::set<std::tuple<unsigned, unsigned, std::string, std::string, unsigned>> seen_;
};

class Consumer : public ASTConsumer {
 public:
  bool HandleTopLevelDecl(DeclGroupRef group) override {
    for (Decl* declaration : group)
      if (declaration->getASTContext().getSourceManager().isWrittenInMainFile(declaration->getLocation()))
        own_.push_back(declaration);
    return true;
  }
  void HandleTranslationUnit(ASTContext& context) override {
    if (context.getDiagnostics().hasErrorOccurred()) return;
    Sites sites(context);
    for (Decl* declaration : own_)
      if (declaration->getLexicalDeclContext()->isTranslationUnit()) sites.TraverseDecl(declaration);
  }

 private:
  std::vector<Decl*> own_;
};

class Action : public PluginASTAction {
 protected:
  std::unique_ptr<ASTConsumer> CreateASTConsumer(CompilerInstance&, StringRef) override {
    return std::make_unique<Consumer>();
  }
  bool ParseArgs(const CompilerInstance&, const std::vector<std::string>&) override { return true; }
  ActionType getActionType() override { return ReplaceAction; }
};

const FrontendPluginRegistry::Add<Action> registered("mutation-sites",
                                                     "prints where a source can be mutated");

}  // namespace

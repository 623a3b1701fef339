// What a grammar without lookahead over several tokens cannot say:
//
// - whether the value of a `return` begins on its line;
// - whether a declaration begins in the first column. Nothing can hold one there, so what is not closed ends
//   before it, and a mistake in one declaration does not reach the next. The compiler cuts a file the same way
//   (`compiler/src/syntax/split.rs`).
//
// There is no state: what is found depends on the text from here on alone.

#include "tree_sitter/parser.h"

#include <string.h>

enum Token { VALUE_ON_LINE, DECLARATION_BEGINS, RECOVERING };

// Letters of the longest word that begins a declaration, and the byte behind.
#define WORD_MAX 10

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r'; }

static bool is_letter(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static bool is_word(int32_t c) { return is_letter(c) || (c >= '0' && c <= '9'); }

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void to_line_end(TSLexer *lexer) {
    while (lexer->lookahead != '\n' && !lexer->eof(lexer)) {
        advance(lexer);
    }
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

// Whether the word here begins a declaration: alone, or with what follows.
static bool declares(TSLexer *lexer) {
    static const char *const HARD[] = {"activity", "workflow", "record", "enum", "fn", "flow", NULL};
    static const char *const SOFT[] = {"import", "default", "schedule", "test", "pub", "const", "type", "error", NULL};
    char word[WORD_MAX] = {0};
    size_t length = 0;
    while (is_word(lexer->lookahead)) {
        if (length + 1 >= WORD_MAX) {
            return false;
        }
        word[length++] = (char)lexer->lookahead;
        advance(lexer);
    }
    bool spaced = false;
    while (is_blank(lexer->lookahead)) {
        spaced = true;
        advance(lexer);
    }
    int32_t next = lexer->lookahead;
    if (is_one_of(word, HARD)) {
        return next != ':' && next != ',' && next != '.' && next != '=';
    }
    if (strcmp(word, "test") == 0 && next == '"') {
        return true;
    }
    return is_one_of(word, SOFT) && spaced && is_letter(next);
}

// Over the `(…)` of an annotation, which stands on one line.
static void skip_arguments(TSLexer *lexer) {
    bool string = false;
    while (lexer->lookahead != '\n' && !lexer->eof(lexer)) {
        int32_t c = lexer->lookahead;
        advance(lexer);
        if (c == '"') {
            string = !string;
        } else if (c == ')' && !string) {
            return;
        }
    }
}

// Whether annotations, perhaps with comments between, stand above a declaration.
static bool annotates(TSLexer *lexer) {
    while (!lexer->eof(lexer)) {
        if (lexer->lookahead == '@') {
            advance(lexer);
            while (is_word(lexer->lookahead)) {
                advance(lexer);
            }
            if (lexer->lookahead == '(') {
                skip_arguments(lexer);
            }
        } else if (lexer->lookahead == '/') {
            to_line_end(lexer);
        } else if (is_blank(lexer->lookahead) || lexer->lookahead == '\n') {
            advance(lexer);
        } else {
            return is_letter(lexer->lookahead) && declares(lexer);
        }
    }
    return false;
}

// The token is the space before the declaration: while the parser looks for a way out of an error it takes no empty ones.
static bool declaration_begins(TSLexer *lexer) {
    bool spaced = false, first_column = false;
    while (is_blank(lexer->lookahead) || lexer->lookahead == '\n') {
        spaced = true;
        first_column = lexer->lookahead == '\n';
        advance(lexer);
    }
    lexer->mark_end(lexer);
    if (!is_letter(lexer->lookahead) && lexer->lookahead != '@') {
        return false;
    }
    if (!spaced) {
        first_column = lexer->get_column(lexer) == 0;
    }
    return first_column && (lexer->lookahead == '@' ? annotates(lexer) : declares(lexer));
}

// Whether an expression may begin here, on the line of its `return`.
static bool value_on_line(TSLexer *lexer) {
    lexer->mark_end(lexer);
    while (is_blank(lexer->lookahead)) {
        advance(lexer);
    }
    int32_t c = lexer->lookahead;
    if (c == '-') {
        advance(lexer);
        return lexer->lookahead != '>' && lexer->lookahead != '=';
    }
    if (c == '!') {
        advance(lexer);
        return lexer->lookahead != '=';
    }
    return is_word(c) || c == '"' || c == '(' || c == '[' || c == '{';
}

void *tree_sitter_weft_external_scanner_create(void) { return NULL; }

void tree_sitter_weft_external_scanner_destroy(void *payload) { (void)payload; }

unsigned tree_sitter_weft_external_scanner_serialize(void *payload, char *buffer) {
    (void)payload;
    (void)buffer;
    return 0;
}

void tree_sitter_weft_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
    (void)payload;
    (void)buffer;
    (void)length;
}

bool tree_sitter_weft_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
    (void)payload;
    if (valid[VALUE_ON_LINE] && !valid[RECOVERING]) {
        lexer->result_symbol = VALUE_ON_LINE;
        return value_on_line(lexer);
    }
    if (valid[DECLARATION_BEGINS]) {
        lexer->result_symbol = DECLARATION_BEGINS;
        return declaration_begins(lexer);
    }
    return false;
}

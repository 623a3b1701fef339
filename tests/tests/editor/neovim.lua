-- Does in Neovim what a person would do who has followed docs/editors.md, and prints what it sees.
local function wait(what, condition)
  if not vim.wait(30000, condition, 10) then error("no " .. what) end
end
local page = io.open(os.getenv("EDITORS")):read("*a")
assert(loadstring(page:match("Before 0.11:%s*```lua\n(.-)```")))()
vim.cmd("edit " .. os.getenv("WEFT_FILE"))
wait("client", function() return #vim.tbl_keys(vim.lsp.buf_get_clients(0)) > 0 end)
local function say(text) io.stdout:write(text .. "\n") end
local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 30000)
  for _, answer in pairs(answers or {}) do
    if answer.err then error(method .. ": " .. vim.inspect(answer.err)) end
    return answer.result
  end
end
local function go(piece) vim.fn.cursor(1, 1); assert(vim.fn.search(piece, "cW") > 0, piece) end
local function place() return vim.lsp.util.make_position_params(0, "utf-16") end
local function show()
  for n, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, 24, false)) do say(string.format("%3d  %s", n, line)) end
end

say("== diagnostics")
vim.api.nvim_buf_set_lines(0, 0, 1, false, { "record Decision { approved: boolean, approver_id: String, comment: String }" })
wait("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
for _, d in ipairs(vim.diagnostic.get(0)) do say(string.format("%d:%d %s %s", d.lnum + 1, d.col + 1, d.code or "", d.message)) end

say("== code action")
local range = vim.lsp.util.make_given_range_params({ 1, 28 }, { 1, 28 }, 0, "utf-16")
range.context = { diagnostics = {} }
local action = ask("textDocument/codeAction", range)[1]
say(action.title)
vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
wait("an end of the diagnostics", function() return #vim.diagnostic.get(0) == 0 end)
say(vim.api.nvim_buf_get_lines(0, 0, 1, false)[1])

say("== hover")
go("notify_approver(po_id, amount")
say(ask("textDocument/hover", place()).contents.value)

say("== definition")
local found = ask("textDocument/definition", place())
say((found.range or found[1].range).start.line + 1 .. "")

say("== completion")
vim.api.nvim_buf_set_lines(0, 21, 21, false, { "  let x = d." })
vim.fn.cursor(22, 13)
local params = place()
params.position.character = 12
for n, item in ipairs(ask("textDocument/completion", params)) do if n <= 3 then say(item.label .. item.detail) end end
vim.api.nvim_buf_set_lines(0, 21, 22, false, {})

say("== rename")
go("approve(d: Decision)")
local rename = place()
rename.newName = "decide"
vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", rename), "utf-16")

say("== formatting")
vim.api.nvim_buf_set_lines(0, 0, 1, false, { "record   Decision{approved: Bool , approver_id: String, comment: String}" })
vim.lsp.util.apply_text_edits(ask("textDocument/formatting", { textDocument = { uri = vim.uri_from_bufnr(0) }, options = { tabSize = 2, insertSpaces = true } }), 0, "utf-16")
show()
vim.cmd("qa!")

//! The README says what the program does: its keys come from the one table of commands.

#[test]
fn the_keys_are_those_of_the_command_table() {
    let readme = include_str!("../../README.md");
    let table = lakeward::console::key_table();
    assert!(readme.contains(table.trim()), "replace the table under \"Keys\" by:\n{table}");
}

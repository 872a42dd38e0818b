//! Markdown as sections of blocks: what the library reads, without what a checklist has no use for.

use std::iter::Peekable;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Lists in lists, beyond which their items are read as text of the outer one.
const DEEPEST: usize = 8;

/// A document.
#[derive(Debug, Default)]
pub struct Document {
    /// Its front matter, as it stands there.
    pub front: Option<String>,
    /// What stands before the first heading has none.
    pub sections: Vec<Section>,
}

/// A heading and what stands under it, up to the next.
#[derive(Debug, Default)]
pub struct Section {
    /// 1 to 6; 0 without a heading.
    pub level: u8,
    /// Its text.
    pub heading: String,
    /// What stands under it.
    pub blocks: Vec<Block>,
}

/// One block.
#[derive(Debug, Clone)]
pub enum Block {
    /// A paragraph, a quote or a row of a table.
    Text(String),
    /// Commands or other code.
    Code(Code),
    /// An HTML comment, with its marks.
    Comment(String),
    /// A list.
    List {
        /// Whether it is numbered.
        ordered: bool,
        /// Whether its items are to be ticked.
        tasks: bool,
        /// Its items.
        items: Vec<Item>,
    },
}

/// A block of code.
#[derive(Debug, Clone)]
pub struct Code {
    /// What its fence says it is.
    pub language: String,
    /// Its text, without the last line's end.
    pub text: String,
}

/// An item of a list.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// What it holds.
    pub blocks: Vec<Block>,
    /// Whether it is to be ticked.
    task: bool,
}

impl Section {
    /// Whether anything in it could be a step.
    pub fn holds_steps(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::List { .. } | Block::Code(_)))
    }

    /// Whether its steps are numbered, or to be ticked.
    pub fn has_numbers(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::List { ordered, tasks, .. } if *ordered || *tasks))
    }
}

/// Reads a document.
pub fn read(markdown: &str) -> Document {
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES;
    let mut events = Parser::new_ext(markdown, options).peekable();
    let mut document = Document::default();
    let mut section = Section::default();
    while let Some(event) = events.peek() {
        match event {
            Event::Start(Tag::MetadataBlock(_)) => {
                events.next();
                document.front = Some(text(&mut events, |end| matches!(end, TagEnd::MetadataBlock(_))));
            }
            Event::Start(Tag::Heading { level, .. }) => {
                let level = *level as u8;
                events.next();
                let heading = text(&mut events, |end| matches!(end, TagEnd::Heading(_)));
                let before = std::mem::replace(&mut section, Section { level, heading, blocks: Vec::new() });
                document.sections.extend(Some(before).filter(|s| s.level > 0 || !s.blocks.is_empty()));
            }
            _ => section.blocks.extend(block(&mut events, 0)),
        }
    }
    document.sections.push(section);
    document
}

/// The block that begins here; none where nothing begins.
fn block<'a>(events: &mut Peekable<impl Iterator<Item = Event<'a>>>, depth: usize) -> Option<Block> {
    match events.next()? {
        Event::Start(Tag::CodeBlock(kind)) => {
            let language = match kind {
                CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or_default().to_owned(),
                CodeBlockKind::Indented => String::new(),
            };
            let text = raw(events, |end| *end == TagEnd::CodeBlock);
            Some(Block::Code(Code { language, text: text.trim_end_matches('\n').to_owned() }))
        }
        Event::Start(Tag::HtmlBlock) => comment(raw(events, |end| *end == TagEnd::HtmlBlock)),
        Event::Start(Tag::List(first)) if depth < DEEPEST => {
            let items = items(events, depth + 1);
            let tasks = items.iter().any(|item| item.task);
            Some(Block::List { ordered: first.is_some(), tasks, items })
        }
        Event::Start(tag) => {
            let end = tag.to_end();
            let text = text(events, |found| *found == end);
            Some(Block::Text(text)).filter(|_| !matches!(tag, Tag::Image { .. }))
        }
        Event::Html(html) | Event::InlineHtml(html) => comment(html.into_string()),
        _ => None,
    }
    .filter(|block| !matches!(block, Block::Text(text) if text.is_empty()))
}

fn comment(html: String) -> Option<Block> {
    html.trim_start().starts_with("<!--").then(|| Block::Comment(html.trim().to_owned()))
}

fn items<'a>(events: &mut Peekable<impl Iterator<Item = Event<'a>>>, depth: usize) -> Vec<Item> {
    let mut items = Vec::new();
    // Text of a tight list stands in its item without a paragraph around it.
    let mut open = String::new();
    let mut item = Item::default();
    while let Some(event) = events.peek() {
        match event {
            Event::End(TagEnd::List(_)) => {
                events.next();
                break;
            }
            Event::Start(Tag::Item) => {
                events.next();
                item = Item::default();
            }
            Event::End(TagEnd::Item) => {
                events.next();
                closed(&mut open, &mut item);
                items.push(std::mem::take(&mut item));
            }
            Event::TaskListMarker(_) => {
                events.next();
                item.task = true;
            }
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Link { .. } | Tag::Strikethrough | Tag::Image { .. })
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Strikethrough | TagEnd::Image)
            | Event::Text(_)
            | Event::Code(_)
            | Event::SoftBreak
            | Event::HardBreak => {
                if let Some(event) = events.next() {
                    inline(&event, &mut open);
                }
            }
            Event::InlineHtml(html) if html.trim_start().starts_with("<!--") => {
                let comment = comment(html.to_string());
                events.next();
                closed(&mut open, &mut item);
                item.blocks.extend(comment);
            }
            // The box of a loose list stands inside its paragraph.
            Event::Start(Tag::Paragraph) => {
                events.next();
                item.task |= events.next_if(|e| matches!(e, Event::TaskListMarker(_))).is_some();
                closed(&mut open, &mut item);
                paragraph(events, &mut item);
            }
            _ => {
                closed(&mut open, &mut item);
                item.blocks.extend(block(events, depth));
            }
        }
    }
    items
}

fn closed(open: &mut String, item: &mut Item) {
    let text = std::mem::take(open);
    item.blocks.extend(Some(text.trim().to_owned()).filter(|t| !t.is_empty()).map(Block::Text));
}

/// A paragraph of an item, with the comments in it as blocks of their own.
fn paragraph<'a>(events: &mut Peekable<impl Iterator<Item = Event<'a>>>, item: &mut Item) {
    let mut open = String::new();
    let mut comments = Vec::new();
    for event in events.by_ref() {
        match event {
            Event::End(TagEnd::Paragraph) => break,
            Event::InlineHtml(html) => comments.extend(comment(html.into_string())),
            other => inline(&other, &mut open),
        }
    }
    closed(&mut open, item);
    item.blocks.extend(comments);
}

/// Text up to an end, marks left out, on one line.
fn text<'a>(events: &mut Peekable<impl Iterator<Item = Event<'a>>>, ends: impl Fn(&TagEnd) -> bool) -> String {
    let mut text = String::new();
    for event in events.by_ref() {
        match &event {
            Event::End(end) if ends(end) => break,
            other => inline(other, &mut text),
        }
    }
    text.trim().to_owned()
}

/// Text up to an end, as it is.
fn raw<'a>(events: &mut Peekable<impl Iterator<Item = Event<'a>>>, ends: impl Fn(&TagEnd) -> bool) -> String {
    let mut text = String::new();
    for event in events.by_ref() {
        match event {
            Event::End(end) if ends(&end) => break,
            Event::Text(part) | Event::Html(part) => text.push_str(&part),
            _ => {}
        }
    }
    text
}

fn inline(event: &Event<'_>, text: &mut String) {
    match event {
        Event::Text(part) | Event::Code(part) => text.push_str(part),
        Event::SoftBreak | Event::HardBreak => text.push(' '),
        Event::End(TagEnd::TableCell) => text.push_str("  "),
        Event::End(TagEnd::Paragraph | TagEnd::TableRow | TagEnd::TableHead | TagEnd::Item) => text.push(' '),
        _ => {}
    }
}

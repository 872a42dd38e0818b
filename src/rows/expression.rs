//! SQL expressions without queries: DataFusion's parser, functions and types, put together as its own session does,
//! with no catalog, no tables and no plans behind them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, DataFusionError, Result, TableReference, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;

use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParserBuilder;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};

/// What an expression may be made of. Names of columns match exactly, as they are spelt in the data.
pub(super) struct Expressions {
    functions: HashMap<String, Arc<ScalarUDF>>,
    higher: HashMap<String, Arc<HigherOrderUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: Arc<ConfigOptions>,
}

impl Default for Expressions {
    fn default() -> Self {
        let mut functions = HashMap::new();
        let nested = datafusion_functions_nested::all_default_nested_functions();
        for function in datafusion_functions::all_default_functions().into_iter().chain(nested) {
            let names: Vec<String> = function.aliases().iter().cloned().chain([function.name().to_owned()]).collect();
            functions.extend(names.into_iter().map(|name| (name, function.clone())));
        }
        let higher = datafusion_functions_nested::all_default_higher_order_functions();
        Self {
            functions,
            higher: higher.into_iter().map(|function| (function.name().to_owned(), function)).collect(),
            planners: vec![
                Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
                Arc::new(datafusion_functions_nested::planner::NestedFunctionPlanner),
                Arc::new(datafusion_functions_nested::planner::FieldAccessPlanner),
                Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
                Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
            ],
            options: Arc::new(ConfigOptions::default()),
        }
    }
}

impl Expressions {
    /// What a text says over the columns of a schema.
    pub fn parse(&self, text: &str, schema: &DFSchema) -> Result<Expr, DataFusionError> {
        let depth = self.options.sql_parser.recursion_limit.get();
        let parsed = DFParserBuilder::new(text).with_recursion_limit(depth).build()?.parse_into_expr()?;
        let options = ParserOptions { enable_ident_normalization: false, ..ParserOptions::default() };
        SqlToRel::new_with_options(self, options).sql_to_expr_with_alias(parsed, schema, &mut PlannerContext::new())
    }

    /// The same, ready to be evaluated over batches of that schema.
    pub fn physical(&self, expression: Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(Arc::clone(&self.options))
            .build();
        let typed = ExprSimplifier::new(context).coerce(expression, schema)?;
        create_physical_expr(&typed, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
    }
}

impl ContextProvider for Expressions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        plan_err!("an expression has no tables, and '{name}' is none")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.higher.get(name).cloned()
    }

    fn get_aggregate_meta(&self, _name: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.higher.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

//! A line over powers of ten, as a picture.

use std::path::Path;

use plotters::prelude::*;

use crate::Result;

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    pub(crate) points: &'a [(f64, f64)],
}

const SIZE: (u32, u32) = (640, 300);
/// Half of the last label stands beyond the end of the line.
const MARGIN: u32 = 28;
const LABELS: u32 = 44;

impl Chart<'_> {
    /// Writes it as SVG, with a scale from 0 on, so that what is flat looks flat.
    pub(crate) fn write(&self, path: &Path) -> Result {
        let [first, .., last] = self.points else { return Err("a line has two points or more".into()) };
        let top = self.points.iter().map(|point| point.1).fold(0.0, f64::max) * 1.2;
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area);
        chart.margin(MARGIN).x_label_area_size(LABELS).y_label_area_size(LABELS + MARGIN);
        let mut chart = chart.build_cartesian_2d((first.0..last.0).log_scale(), 0.0..top)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.across).y_desc(self.up).light_line_style(TRANSPARENT);
        mesh.x_label_formatter(&|x| rounded(*x)).y_label_formatter(&|y| rounded(*y)).draw()?;
        chart.draw_series(LineSeries::new(self.points.iter().copied(), BLUE.stroke_width(2)))?;
        chart.draw_series(self.points.iter().map(|point| Circle::new(*point, 4, BLUE.filled())))?;
        area.present()?;
        Ok(())
    }
}

/// A number as people say it: 10 k instead of 10000.
fn rounded(number: f64) -> String {
    match number {
        1e6.. => format!("{:.0} M", number / 1e6),
        1e3.. => format!("{:.0} k", number / 1e3),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded() {
        assert_eq!([0.0, 10.0, 1_000.0, 100_000.0, 10_000_000.0].map(rounded), ["0", "10", "1 k", "100 k", "10 M"]);
    }
}

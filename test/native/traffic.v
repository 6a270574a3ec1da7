// A traffic light at a crossing with a button for pedestrians, and a counter of who crossed: for yosys.spec.ts.
module traffic #(
    parameter GREEN = 8'd40,
    parameter YELLOW = 8'd5
) (
    input wire clock,
    input wire reset_n,
    input wire button,
    input wire [3:0] people,
    output reg [2:0] cars,
    output reg walk,
    output reg [15:0] crossed
);
  localparam DRIVE = 2'd0, SLOW = 2'd1, WALK = 2'd2, CLEAR = 2'd3;

  reg [1:0] state;
  reg [7:0] timer;
  reg asked;
  wire done = timer == 8'd0;

  always @(posedge clock or negedge reset_n) begin
    if (!reset_n) begin
      state <= DRIVE;
      timer <= GREEN;
      asked <= 1'b0;
      crossed <= 16'd0;
    end else begin
      timer <= done ? timer : timer - 8'd1;
      if (button) asked <= 1'b1;
      case (state)
        DRIVE: if (done && asked) begin
          state <= SLOW;
          timer <= YELLOW;
        end
        SLOW: if (done) begin
          state <= WALK;
          timer <= GREEN >> 1;
          asked <= 1'b0;
        end
        WALK: begin
          crossed <= crossed + people;
          if (done) begin
            state <= CLEAR;
            timer <= YELLOW * 2;
          end
        end
        default: if (done) begin
          state <= DRIVE;
          timer <= GREEN;
        end
      endcase
    end
  end

  always @* begin
    walk = state == WALK;
    case (state)
      DRIVE: cars = 3'b001;
      SLOW: cars = 3'b010;
      default: cars = 3'b100;
    endcase
  end
endmodule
